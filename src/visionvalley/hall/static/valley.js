// SPDX-License-Identifier: Apache-2.0
// The valley behind the welcome: real points, very dark, turning very slowly. Drawn point by point into a small picture that the
// browser stretches over the wall: no graphics card is needed. It stands still where the system asks for less movement, and rests
// while nobody sees it.

const LONGEST_SIDE = 960;
const RADIANS_A_SECOND = 0.012;
const NIGHT = [14, 23, 38], NEAR = [64, 158, 162];
const LEAN = 0.42;
const canvas = document.getElementById("valley");
const still = window.matchMedia("(prefers-reduced-motion: reduce)");
let points = null, address = "", timer = 0, angle = 0.6, last = 0, picture = null;

/** Show the points at an address; nothing new where it is the one that is shown. */
export async function turn(wanted) {
  if (wanted === address) return;
  address = wanted;
  const answer = wanted ? await fetch(wanted).catch(() => null) : null;
  if (wanted !== address) return;
  if (wanted && !answer?.ok) {
    address = ""; // the next minute it is tried again
    return;
  }
  points = answer ? new Int16Array(await answer.arrayBuffer()) : null;
  size();
  step();
}

function size() {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(window.innerWidth, window.innerHeight));
  canvas.width = Math.max(1, Math.round(window.innerWidth * scale));
  canvas.height = Math.max(1, Math.round(window.innerHeight * scale));
  picture = canvas.getContext("2d", { alpha: false }).createImageData(canvas.width, canvas.height);
  draw();
}

function draw() {
  if (!picture) return;
  const { width, height, data } = picture;
  const pixels = new Uint32Array(data.buffer);
  pixels.fill(shade(0));
  if (points) splat(pixels, width, height);
  canvas.getContext("2d", { alpha: false }).putImageData(picture, 0, 0);
}

const shades = Array.from({ length: 64 }, (_, i) => shade(i / 63));
function shade(part) {
  const [r, g, b] = NIGHT.map((low, k) => Math.round(low + (NEAR[k] - low) * part));
  return (255 << 24 | b << 16 | g << 8 | r) >>> 0;
}

function splat(pixels, width, height) {
  const [sin, cos, up, lean] = [Math.sin(angle), Math.cos(angle), Math.cos(LEAN), Math.sin(LEAN)];
  const large = 0.5 * Math.min(0.62 * Math.max(width, height), 1.25 * Math.min(width, height));
  for (let i = 0; i < points.length; i += 3) {
    const x = points[i] / 32000, y = points[i + 1] / 32000, z = points[i + 2] / 32000;
    const side = x * cos + z * sin, depth = z * cos - x * sin;
    const near = depth * up + y * lean;
    const scale = large * 2.6 / (2.6 - near);
    const px = Math.round(width / 2 + side * scale), py = Math.round(height / 2 - (y * up - depth * lean) * scale);
    if (px < 0 || py < 0 || px >= width || py >= height) continue;
    const part = Math.min(1, Math.max(0.06, (near + 1.1) / 2.4));
    const at = py * width + px, colour = shades[Math.round(63 * part * part * 0.9)];
    if ((colour >> 8 & 255) > (pixels[at] >> 8 & 255)) pixels[at] = colour;
  }
}

function step() {
  clearTimeout(timer);
  if (!points || document.hidden || still.matches) return draw();
  const at = performance.now();
  angle += RADIANS_A_SECOND * Math.min(at - last, 1000) / 1000;
  last = at;
  draw();
  timer = setTimeout(step, rate());
}

/** Milliseconds between two pictures: ten a second at most, fewer on a large wall that is drawn without a graphics card. */
function rate() {
  return window.innerWidth * window.innerHeight > 4e6 ? 250 : 125;
}

document.addEventListener("visibilitychange", step);
still.addEventListener("change", step);
window.addEventListener("resize", size);
