// SPDX-License-Identifier: Apache-2.0
/** Cutting the part open: a plane across x, y or z of the views, and a slider that moves it. */
import { element } from "./dom.js";

const STEPS = 100;

/** The bar's control; `cut(plane)` is called with [nx, ny, nz, offset] in scene coordinates, or null. */
export function clipping(header, text, cut) {
  const axis = element("select", { "aria-label": text.clip, class: "viewer-axis" });
  const slider = element("input", { type: "range", min: "0", max: STEPS, value: STEPS / 2, "aria-label": text.clipPlace, class: "viewer-slider" });
  axis.append(...["", "x", "y", "z"].map((name) => element("option", { value: name }, name ? `${text.clip} ${name.toUpperCase()}` : text.clipOff)));
  const change = () => {
    slider.hidden = axis.value === "";
    cut(plane(header, axis.value, Number(slider.value) / STEPS));
  };
  axis.addEventListener("change", change);
  slider.addEventListener("input", change);
  slider.hidden = true;
  return element("span", { class: "viewer-clip" }, axis, slider);
}

/** What lies beyond the plane along its normal is not shown; share 1 shows all. */
export function plane(header, name, share) {
  const index = "xyz".indexOf(name || "-");
  if (index < 0) return null;
  return [...header.frame[index], header.radius * (2 * share - 1)];
}
