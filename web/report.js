// SPDX-License-Identifier: Apache-2.0
/** What the page of the report does: it opens the 3D view from the data that stand in the page. */
import { createViewer } from "./viewer/viewer.js";
import { bytesOf } from "./viewer/base64.js";
import { inflate } from "./viewer/decode.js";
import { element } from "./viewer/dom.js";

function start() {
  const host = document.getElementById("viewer");
  const header = document.getElementById("scene-header");
  if (!host || !header) return;
  const data = document.getElementById("scene-data");
  const packed = bytesOf(data.textContent);
  data.remove();
  const words = JSON.parse(document.getElementById("scene-words").textContent);
  const open = async () => {
    try {
      const buffer = await inflate(packed);
      window.viewer = createViewer(host, JSON.parse(header.textContent), buffer, words);
    } catch (error) { // an old browser: the pictures show the part
      console.warn(error);
      host.replaceChildren(element("p", { class: "viewer-none" }, words.noWebgl));
    }
  };
  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    open();
  }, { rootMargin: "400px" });
  watch.observe(host);
}

start();
