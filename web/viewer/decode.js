// SPDX-License-Identifier: Apache-2.0
/** From a header and its buffer to typed arrays. */

const NO_DATA = 65535;

export function decode(header, buffer) {
  if (header.format !== "visionvalley-scene/2") throw new Error(`unknown scene format ${header.format}`);
  const bytes = new Uint8Array(buffer);
  return header.things.map((thing) => decodeThing(thing, bytes));
}

function decodeThing(thing, bytes) {
  const { count, positions, values, normals, faces } = thing;
  const made = { ...thing, raw: new Uint16Array(count * 3), normal: null, value: null, index: null };
  positions.at.forEach((at, k) => column(bytes, at, count, 2, (i, number) => { made.raw[3 * i + k] = number; }));
  if (values) {
    made.value = new Uint16Array(count);
    column(bytes, values.at, count, 3, (i, number) => { made.value[i] = number; });
  }
  if (normals) {
    made.normal = new Int8Array(count * 4);
    normals.at.forEach((at, k) => column(bytes, at, count, 2, (i, number) => { made.normal[4 * i + k] = number; }));
  }
  if (faces) {
    made.index = indices(faces, bytes);
    made.coarse = faces.coarse && indices(faces.coarse, bytes);
    made.normal ??= vertexNormals(made);
  }
  return made;
}

function indices({ at: [first, second, third], count }, bytes) {
  const index = new Uint32Array(count * 3);
  column(bytes, first, count, 4, (f, number) => { index[3 * f] = number; });
  column(bytes, second, count, 4, (f, number) => { index[3 * f + 1] = index[3 * f] + number; });
  column(bytes, third, count, 4, (f, number) => { index[3 * f + 2] = index[3 * f] + number; });
  return index;
}

/** Call take(i, number) for each number of a column: differences, the sign in the lowest bit, a plane a byte. */
function column(bytes, at, count, planes, take) {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    let folded = 0;
    for (let plane = planes - 1; plane >= 0; plane--) folded = folded * 256 + bytes[at + plane * count + i];
    sum += folded & 1 ? -(folded + 1) / 2 : folded / 2;
    take(i, sum);
  }
}

/** Bytes that were compressed (raw deflate), as a promise. */
export function inflate(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
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
