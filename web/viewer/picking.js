// SPDX-License-Identifier: Apache-2.0
/** What lies under the pointer: the nearest point of a cloud, or the place on a triangle with its value in between. */
import { pointAt, valueAt } from "./decode.js";

const REACH_PX = 9;

export function pick(stage, controls, x, y) {
  const view = { ...lens(stage.canvas, controls), plane: stage.plane.value };
  const shown = stage.things.filter((thing, i) => stage.visible[i]);
  const coloured = shown.filter((thing) => thing.value);
  for (const group of [coloured, shown.filter((thing) => !thing.value)]) {
    const hits = group.map((thing) => (thing.index ? onMesh(thing, view, x, y) : inCloud(thing, view, x, y))).filter(Boolean);
    if (hits.length) return hits.reduce((a, b) => (a.depth <= b.depth ? a : b));
  }
  return null;
}

function lens(canvas, controls) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  return { eye: controls.eye(), axes: controls.axes(), focal: height / 2 / Math.tan(controls.field / 2), cx: width / 2, cy: height / 2 };
}

function inCloud(thing, view, x, y) {
  const { eye, axes: [r, u, t], focal, cx, cy } = view;
  const { low, step } = thing.positions;
  const raw = thing.raw;
  // all in units of the raw numbers: one multiplication a coordinate
  const base = low.map((l, k) => l - eye[k]);
  const row = (a) => [a[0] * step[0], a[1] * step[1], a[2] * step[2], a[0] * base[0] + a[1] * base[1] + a[2] * base[2]];
  const [R, U, T] = [row(r), row(u), row(t)];
  const { x: nx, y: ny, z: nz, w } = view.plane;
  const P = [nx * step[0], ny * step[1], nz * step[2], nx * low[0] + ny * low[1] + nz * low[2] - w];
  const found = [];
  let nearest = Infinity;
  for (let i = 0, j = 0; i < thing.count; i++, j += 3) {
    const [a, b, c] = [raw[j], raw[j + 1], raw[j + 2]];
    const depth = -(T[0] * a + T[1] * b + T[2] * c + T[3]);
    if (depth <= 0) continue;
    const dx = cx + (focal * (R[0] * a + R[1] * b + R[2] * c + R[3])) / depth - x;
    const dy = cy - (focal * (U[0] * a + U[1] * b + U[2] * c + U[3])) / depth - y;
    const gap = dx * dx + dy * dy;
    if (gap > REACH_PX * REACH_PX) continue;
    if (P[0] * a + P[1] * b + P[2] * c + P[3] > 0) continue; // cut away
    if (depth < nearest) nearest = depth;
    found.push({ i, depth, gap, x: x + dx, y: y + dy });
  }
  const front = found.filter((one) => one.depth < nearest + 6 * thing.spacing);
  if (!front.length) return null;
  const best = front.reduce((a, b) => (a.gap <= b.gap ? a : b));
  return { ...best, point: pointAt(thing, best.i), value: valueAt(thing, best.i) };
}

/** Möller and Trumbore 1997, over all triangles: fast enough for a pointer at rest. */
function onMesh(thing, view, x, y) {
  const { eye, axes: [r, u, t], focal, cx, cy } = view;
  const ray = [0, 1, 2].map((k) => (r[k] * (x - cx)) / focal - (u[k] * (y - cy)) / focal - t[k]);
  const [a, b, c] = [[0, 0, 0], [0, 0, 0], [0, 0, 0]];
  const { x: nx, y: ny, z: nz, w: offset } = view.plane;
  const normal = [nx, ny, nz];
  let best = null;
  for (let f = 0; f < thing.index.length; f += 3) {
    pointAt(thing, thing.index[f], a); pointAt(thing, thing.index[f + 1], b); pointAt(thing, thing.index[f + 2], c);
    const e1x = b[0] - a[0], e1y = b[1] - a[1], e1z = b[2] - a[2];
    const e2x = c[0] - a[0], e2y = c[1] - a[1], e2z = c[2] - a[2];
    const px = ray[1] * e2z - ray[2] * e2y, py = ray[2] * e2x - ray[0] * e2z, pz = ray[0] * e2y - ray[1] * e2x;
    const det = e1x * px + e1y * py + e1z * pz;
    if (det === 0) continue;
    const sx = eye[0] - a[0], sy = eye[1] - a[1], sz = eye[2] - a[2];
    const v = (sx * px + sy * py + sz * pz) / det;
    if (v < 0 || v > 1) continue;
    const qx = sy * e1z - sz * e1y, qy = sz * e1x - sx * e1z, qz = sx * e1y - sy * e1x;
    const w = (ray[0] * qx + ray[1] * qy + ray[2] * qz) / det;
    if (w < 0 || v + w > 1) continue;
    const depth = (e2x * qx + e2y * qy + e2z * qz) / det;
    if (depth <= 0 || (best && depth >= best.depth)) continue;
    const past = [0, 1, 2].reduce((sum, k) => sum + normal[k] * (eye[k] + ray[k] * depth), 0);
    if (past <= offset) best = { f, depth, v, w };
  }
  if (!best) return null;
  const weights = [1 - best.v - best.w, best.v, best.w];
  const value = thing.value
    ? weights.reduce((sum, weight, k) => sum + weight * valueAt(thing, thing.index[best.f + k]), 0) : undefined;
  return { depth: best.depth, x, y, value, point: eye.map((e, k) => e + ray[k] * best.depth) };
}
