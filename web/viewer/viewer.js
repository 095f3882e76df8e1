// SPDX-License-Identifier: Apache-2.0
/**
 * The 3D view of the report and of the hall: a part to turn, coloured by a number at each point.
 *
 *   import { createViewer } from "./viewer.js";
 *   const viewer = createViewer(element, header, buffer, words);
 *   viewer.look("front"); viewer.reset(); viewer.dispose();
 *
 * element  an empty HTMLElement with a size; the viewer fills it (its looks: viewer.css)
 * header   an object, format "visionvalley-scene/2", as `visionvalley.report.embed` writes it:
 *   origin   [x, y, z] metres, added to every coordinate below
 *   frame    3 rows: the directions that the views call x, y and z (z is up)
 *   radius   metres, of a sphere about the origin that holds all
 *   start    [x, y, z] direction from the origin to the first place of the eye
 *   scale    null, or { low, high, unit, limits: [lower|null, upper|null], colours: 768 bytes in base64,
 *            below: [r, g, b], above, noData, noDataLine, shown: { unit, perSi, decimals } }
 *   place    { unit, perSi, decimals } in which coordinates are told
 *   things   [{ name, kind: "cloud" | "mesh", shown (at the start), count, spacing,
 *               positions: { at: [x, y, z], low: [3], step: [3] },   2 bytes each: low + step * number, 0 to 16383
 *               normals:   { at: [x, y, z] } | null,                 2 bytes each: number / 127
 *               values:    { at, low, step } | null,                 3 bytes: low + step * number; 65535: no data
 *               faces:     { at: [a, b, c], count, coarse: { at, count } | null } | null }]   4 bytes each: a, b - a, c - a
 *            every `at` is the byte where a column of numbers begins: differences from one number to the next
 *            (2 d, or -2 d - 1 where d < 0), first all their lowest bytes, then all the next bytes...
 *            the first 200 000 points of a larger cloud are a fair choice of it
 * buffer   an ArrayBuffer (in a page it is compressed: see `inflate` in decode.js)
 * words    the texts of buttons and readings, see WORDS
 */
import { clipping } from "./clipping.js";
import { Controls } from "./controls.js";
import { decode } from "./decode.js";
import { legend } from "./legend.js";
import { Measuring, projecting } from "./measuring.js";
import { pick } from "./picking.js";
import { Stage } from "./stage.js";
import { element, svg } from "./dom.js";

export { inflate } from "./decode.js";

export const WORDS = {
  view: "3D view. Arrow keys turn, plus and minus zoom, Shift with arrows moves, 1 to 7 are standard views, 0 resets. "
    + "M measures: Enter picks the place in the middle.",
  measure: "Measure", measureFirst: "Pick the first place on the surface", measureSecond: "Pick the second place",
  measureIs: "straight line between two picked places, good to the spacing of the points",
  clip: "Cut", clipOff: "Whole", clipPlace: "Place of the cut",
  corner: "3D", front: "Front", right: "Right", back: "Back", left: "Left", top: "Top", bottom: "Bottom",
  reset: "Reset", full: "Full screen", noData: "no data", below: "below", above: "above",
  noWebgl: "This browser shows no 3D graphics (WebGL). The pictures of the six sides show the same part.",
  thinned: "{shown} of {total} points while it turns", decimalSign: ".", deviation: "Deviation",
};

const STILL_PX = 4;
const VIEWS = {
  corner: null, front: [0, -1, 0], right: [1, 0, 0], back: [0, 1, 0], left: [-1, 0, 0], top: [0, 0, 1], bottom: [0, 0, -1],
};

export function createViewer(host, header, buffer, words = {}) {
  const text = { ...WORDS, ...words };
  host.classList.add("viewer");
  const canvas = element("canvas", { tabindex: "0", role: "application", "aria-label": text.view });
  let stage;
  try {
    stage = new Stage(canvas, header, decode(header, buffer));
  } catch (error) {
    console.warn(error);
    host.replaceChildren(element("p", { class: "viewer-none" }, text.noWebgl));
    return { look() {}, reset() {}, dispose() {}, stage: null };
  }
  const reading = element("div", { class: "viewer-reading", role: "status", "aria-live": "polite" });
  const dot = element("div", { class: "viewer-dot", hidden: "" });
  const triad = svg("svg", { class: "viewer-triad", viewBox: "-40 -40 80 80", "aria-hidden": "true" });
  const bar = element("div", { class: "viewer-bar", role: "toolbar", "aria-label": text.corner });
  host.replaceChildren(canvas, bar, triad, dot, reading);
  if (header.scale) host.append(legend(header.scale, text));

  const measuring = new Measuring(host, header, text, (value, shown) => told(value, shown, text));
  let pointer = null;
  const controls = new Controls(canvas, header, (moving) => {
    hide();
    stage.draw(controls, moving);
    drawTriad(triad, controls);
    measuring.redraw(projecting(canvas, controls));
    if (moving) return stage.timed((tookMs) => controls.pace(tookMs));
    if (pointer) show(...pointer);
    host.dispatchEvent(new CustomEvent("rest"));
  });
  const look = (name) => controls.look(VIEWS[name] ?? header.start);
  Object.keys(VIEWS).forEach((name) => bar.append(button(text[name], () => look(name), name)));
  bar.append(button(text.reset, () => controls.reset(), "reset"));
  if (host.requestFullscreen) bar.append(button(text.full, () => toggleFull(host), "full"));
  bar.append(measuring.button, clipping(header, text, (plane) => {
    stage.clip(plane);
    controls.changed();
  }));
  if (header.things.length > 1) bar.append(...header.things.map((thing, i) => thingSwitch(thing, i, stage, controls)));

  function hide() {
    dot.hidden = true;
    reading.textContent = "";
  }
  function show(x, y) {
    const hit = pick(stage, controls, x, y);
    if (!hit) return hide();
    dot.hidden = false;
    dot.style.transform = `translate(${hit.x}px, ${hit.y}px)`;
    reading.textContent = describe(hit, header, text);
    reading.dataset.value = hit.value;
    return hit;
  }
  let waiting = 0;
  canvas.addEventListener("pointermove", (event) => {
    pointer = [event.offsetX, event.offsetY];
    if (event.buttons || waiting) return;
    waiting = requestAnimationFrame(() => {
      waiting = 0;
      if (!controls.moving) show(event.offsetX, event.offsetY);
    });
  });
  canvas.addEventListener("pointerleave", () => {
    pointer = null;
    hide();
  });
  let pressed = null;
  canvas.addEventListener("pointerdown", (event) => { pressed = [event.offsetX, event.offsetY]; });
  canvas.addEventListener("click", (event) => { // a finger that taps has not moved
    pointer = [event.offsetX, event.offsetY];
    if (measuring.on && pressed && Math.hypot(pressed[0] - pointer[0], pressed[1] - pointer[1]) < STILL_PX) {
      measuring.add(pick(stage, controls, ...pointer));
    }
    if (!controls.moving) show(...pointer);
  });
  canvas.addEventListener("keydown", (event) => {
    const names = Object.keys(VIEWS);
    if (event.key >= "1" && event.key <= "7") look(names[event.key - 1]);
    else if (event.key === "0" || event.key === "Home") controls.reset();
    else if (event.key === "Enter" || event.key === " ") {
      const middle = [canvas.clientWidth / 2, canvas.clientHeight / 2];
      if (measuring.on) measuring.add(pick(stage, controls, ...middle));
      show(...middle);
    } else if (event.key === "m" || event.key === "M") measuring.toggle();
    else if (event.key === "Escape" && measuring.on) measuring.toggle(false);
    else return;
    event.preventDefault();
  });
  const watch = new ResizeObserver(() => controls.changed());
  watch.observe(host);
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  const repaint = () => controls.changed();
  scheme.addEventListener("change", repaint);
  controls.reset();
  return {
    look, reset: () => controls.reset(), pick: show, stage, controls, measuring,
    dispose() {
      watch.disconnect();
      scheme.removeEventListener("change", repaint);
      controls.dispose();
      stage.dispose();
      host.replaceChildren();
    },
  };
}

function button(label, action, name) {
  const made = element("button", { type: "button", "data-view": name }, label);
  made.addEventListener("click", action);
  return made;
}

function thingSwitch(thing, index, stage, controls) {
  const box = element("input", { type: "checkbox" });
  box.checked = stage.visible[index];
  box.addEventListener("change", () => {
    stage.show(index, box.checked);
    controls.changed();
  });
  return element("label", { class: "viewer-thing" }, box, thing.name);
}

function toggleFull(host) {
  if (document.fullscreenElement) document.exitFullscreen();
  else host.requestFullscreen();
}

export function told(value, shown, text, signed = false) {
  const number = (value * shown.perSi).toFixed(shown.decimals).replace("-", "\u2212").replace(".", text.decimalSign);
  return `${signed && value > 0 ? "+" : ""}${number}\u202f${shown.unit}`;
}

function describe(hit, header, text) {
  const place = hit.point.map((part, i) => `${"xyz"[i]}\u00a0${told(part + header.origin[i], header.place, text)}`).join("  ");
  if (!header.scale || hit.value === undefined) return place;
  const value = Number.isNaN(hit.value) ? text.noData : told(hit.value, header.scale.shown, text, true);
  return `${value}   ${place}`;
}

function drawTriad(triad, controls) {
  const colours = ["x", "y", "z"];
  const [right, up, towards] = controls.axes();
  const order = [0, 1, 2].map((i) => ({ i, x: right[i] * 26, y: -up[i] * 26, z: towards[i] })).sort((a, b) => a.z - b.z);
  triad.replaceChildren(
    ...order.flatMap(({ i, x, y }) => [
      svg("line", { x1: 0, y1: 0, x2: x, y2: y, class: `axis-${colours[i]}` }),
      svg("text", { x: x * 1.28, y: y * 1.28 + 4, class: `axis-${colours[i]}` }, colours[i].toUpperCase()),
    ]),
  );
}
