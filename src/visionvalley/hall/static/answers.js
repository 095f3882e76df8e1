// SPDX-License-Identifier: Apache-2.0
// The wall of answers: where there are more than fit, it turns to the next ones each twenty seconds.
const EACH_MS = 20000;

setInterval(() => {
  const wall = document.getElementById("answers");
  const first = wall?.querySelector(".answered");
  if (first && wall.scrollHeight > wall.clientHeight + 1) wall.append(first);
}, EACH_MS);
