// SPDX-License-Identifier: Apache-2.0
/** From a header and its buffer to typed arrays; nothing is copied but the normals that a mesh lacks. */

const NO_DATA = 65535;

export function decode(header, buffer) {
  if (header.format !== "visionvalley-scene/1") throw new Error(`unknown scene format ${header.format}`);
  return header.things.map((thing) => decodeThing(thing, buffer));
}

function decodeThing(thing, buffer) {
  const { count, positions, values, normals, faces } = thing;
  const made = {
    ...thing,
    raw: new Uint16Array(buffer, positions.at, count * 3),
    normal: normals ? new Int8Array(buffer, normals.at, count * 4) : null,
    value: values ? new Uint16Array(buffer, values.at, count) : null,
    index: faces ? new Uint32Array(buffer, faces.at, faces.count * 3) : null,
  };
  if (made.index && !made.normal) made.normal = vertexNormals(made);
  return made;
}

/** Coordinates of point i, metres less the origin of the scene. */
export function pointAt(thing, i, out = [0, 0, 0]) {
  const { low, step } = thing.positions;
  for (let k = 0; k < 3; k++) out[k] = low[k] + step[k] * thing.raw[3 * i + k];
  return out;
}

/** The number at point i: NaN where there is no data, undefined where the thing has none at all. */
export function valueAt(thing, i) {
  if (!thing.value) return undefined;
  const number = thing.value[i];
  return number === NO_DATA ? NaN : thing.values.low + thing.values.step * number;
}

function vertexNormals(thing) {
  const sum = new Float32Array(thing.count * 3);
  const [a, b, c] = [[0, 0, 0], [0, 0, 0], [0, 0, 0]];
  for (let f = 0; f < thing.index.length; f += 3) {
    const [i, j, k] = [thing.index[f], thing.index[f + 1], thing.index[f + 2]];
    pointAt(thing, i, a); pointAt(thing, j, b); pointAt(thing, k, c);
    const [ux, uy, uz] = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
    const [vx, vy, vz] = [c[0] - a[0], c[1] - a[1], c[2] - a[2]];
    const [nx, ny, nz] = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    for (const v of [i, j, k]) { sum[3 * v] += nx; sum[3 * v + 1] += ny; sum[3 * v + 2] += nz; }
  }
  const packed = new Int8Array(thing.count * 4);
  for (let v = 0; v < thing.count; v++) {
    const size = Math.hypot(sum[3 * v], sum[3 * v + 1], sum[3 * v + 2]) || 1;
    for (let k = 0; k < 3; k++) packed[4 * v + k] = Math.round((127 * sum[3 * v + k]) / size);
  }
  return packed;
}
