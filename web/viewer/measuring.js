// SPDX-License-Identifier: Apache-2.0
/** The distance between two places that a reader picks on the surface: a straight line between them. */
import { element, svg } from "./dom.js";

export class Measuring {
  constructor(host, header, text, told) {
    Object.assign(this, { header, text, told, ends: [], on: false });
    this.button = element("button", { type: "button", "data-view": "measure", "aria-pressed": "false" }, text.measure);
    this.button.addEventListener("click", () => this.toggle());
    this.drawing = svg("svg", { class: "viewer-measure", "aria-hidden": "true" });
    this.line = svg("line", {});
    this.dots = [0, 1].map(() => svg("circle", { r: 5 }));
    this.drawing.append(this.line, ...this.dots);
    this.label = element("div", { class: "viewer-distance", role: "status", "aria-live": "polite" });
    this.cross = element("div", { class: "viewer-cross", hidden: "" });
    host.append(this.drawing, this.cross, this.label);
    this.redraw(null);
  }

  toggle(on = !this.on) {
    this.on = on;
    this.ends = [];
    this.button.setAttribute("aria-pressed", String(on));
    this.cross.hidden = !on;
    this.tell(on ? this.text.measureFirst : "");
    this.redraw(this.project);
  }

  /** Take a place that was picked; the third one begins anew. */
  add(hit) {
    if (!this.on || !hit) return;
    this.ends = this.ends.length === 2 ? [hit.point] : [...this.ends, hit.point];
    if (this.ends.length < 2) this.tell(this.text.measureSecond);
    else this.tell(`${this.told(this.distance(), this.shown())}`, this.text.measureIs);
    this.redraw(this.project);
  }

  /** In the unit of the places, a hundredth of it; the grid of the scene is finer. */
  shown() {
    return { ...this.header.place, decimals: Math.min(this.header.place.decimals, 2) };
  }

  /** Metres. */
  distance() {
    const [a, b] = this.ends;
    return Math.hypot(...a.map((part, k) => part - b[k]));
  }

  tell(number, what = "") {
    const parts = what ? [element("b", {}, number), element("span", {}, what)] : number ? [element("span", {}, number)] : [];
    this.label.replaceChildren(...parts);
    if (what) this.label.dataset.metres = this.distance();
    else delete this.label.dataset.metres;
  }

  /** Draw the line where its ends are seen now; project(point) is [x, y] in pixels, or null behind the eye. */
  redraw(project) {
    this.project = project ?? this.project;
    const places = this.project ? this.ends.map((end) => this.project(end)) : [];
    this.dots.forEach((dot, i) => {
      const at = places[i];
      dot.setAttribute("visibility", at ? "visible" : "hidden");
      if (at) [["cx", at[0]], ["cy", at[1]]].forEach(([name, value]) => dot.setAttribute(name, value));
    });
    const both = places.length === 2 && places.every(Boolean);
    this.line.setAttribute("visibility", both ? "visible" : "hidden");
    if (both) ["x1", "y1", "x2", "y2"].forEach((name, i) => this.line.setAttribute(name, places[i >> 1][i & 1]));
  }
}

/** Return what projects points of the scene for the eye as it stands. */
export function projecting(canvas, controls) {
  const [eye, [r, u, t]] = [controls.eye(), controls.axes()];
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const focal = height / 2 / Math.tan(controls.field / 2);
  return (point) => {
    const d = point.map((part, k) => part - eye[k]);
    const along = (axis) => axis[0] * d[0] + axis[1] * d[1] + axis[2] * d[2];
    const depth = -along(t);
    return depth <= 0 ? null : [width / 2 + (focal * along(r)) / depth, height / 2 - (focal * along(u)) / depth];
  };
}
