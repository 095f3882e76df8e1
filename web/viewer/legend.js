// SPDX-License-Identifier: Apache-2.0
/** The legend: the map with round numbers, the limits as lines, the colours beyond it, and 'no data'. */
import { element, svg } from "./dom.js";
import { bytesOf } from "./base64.js";
import { told } from "./viewer.js";

const [LEFT, WIDTH, TOP, HEIGHT, CAP] = [4, 16, 26, 200, 14];

/** A round number without the zeros at its end. */
function short(value, scale, text) {
  return told(value, scale.shown, text, true).replace(/([.,]\d*?)0+(?=\u202f)/, "$1").replace(/[.,](?=\u202f)/, "");
}

export function legend(scale, text) {
  const rgb = (c) => `rgb(${c[0]} ${c[1]} ${c[2]})`;
  const map = bytesOf(scale.colours);
  const y = (value) => TOP + HEIGHT * (1 - (value - scale.low) / (scale.high - scale.low));
  const rows = Array.from({ length: 64 }, (_, i) => {
    const at = 3 * Math.round((i / 63) * 255);
    const top = TOP + HEIGHT * (1 - (i + 1) / 64);
    return svg("rect", { x: LEFT, y: top, width: WIDTH, height: HEIGHT / 64 + 0.5, fill: rgb(map.subarray(at, at + 3)) });
  });
  const label = (value, name, bold) =>
    svg("text", { x: LEFT + WIDTH + 8, y: y(value) + 4, class: bold ? "limit" : "tick" }, name);
  const limits = scale.limits.filter((one) => one !== null && one >= scale.low && one <= scale.high);
  const marks = [scale.low, 0, scale.high]
    .filter((one) => one >= scale.low && limits.every((limit) => Math.abs(y(limit) - y(one)) > 12))
    .map((one) => label(one, short(one, scale, text)));
  const lines = limits.flatMap((one) => [
    svg("line", { x1: LEFT - 3, x2: LEFT + WIDTH + 5, y1: y(one), y2: y(one), class: "limit" }),
    label(one, short(one, scale, text), true),
  ]);
  const end = TOP + HEIGHT;
  const caps = [
    svg("path", { d: `M${LEFT} ${TOP - 2}h${WIDTH}l${-WIDTH / 2} ${-CAP}z`, fill: rgb(scale.above) }),
    svg("path", { d: `M${LEFT} ${end + 2}h${WIDTH}l${-WIDTH / 2} ${CAP}z`, fill: rgb(scale.below) }),
    svg("rect", { x: LEFT, y: end + 24, width: WIDTH, height: 12, fill: rgb(scale.noData) }),
    ...[0, 5, 10].map((x) => svg("line", { x1: LEFT + x, y1: end + 36, x2: LEFT + x + 6, y2: end + 24, stroke: rgb(scale.noDataLine) })),
    svg("text", { x: LEFT + WIDTH + 8, y: end + 34, class: "tick" }, text.noData),
  ];
  const drawing = svg("svg", { viewBox: `0 0 112 ${end + 42}`, role: "img", "aria-label": text.deviation }, ...rows, ...caps, ...lines, ...marks);
  return element("div", { class: "viewer-legend" }, drawing);
}
