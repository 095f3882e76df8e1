// SPDX-License-Identifier: Apache-2.0
// The 3D view of a result: fetched when it comes into sight.
import { createViewer, inflate } from "/assets/viewer.js";

const host = document.getElementById("viewer");

async function open() {
  const address = host.dataset.scene;
  const words = JSON.parse(document.getElementById("viewer-words").textContent);
  try {
    const [header, packed] = await Promise.all([fetch(address), fetch(`${address}/data`)]);
    if (!header.ok || !packed.ok) throw new Error(`${header.status} ${packed.status}`);
    const buffer = await inflate(await packed.arrayBuffer());
    window.viewer = createViewer(host, await header.json(), buffer, words);
    host.dataset.open = "";
  } catch (error) { // an old browser, a lost network: the picture stays
    console.warn(error);
    host.dataset.failed = "";
  }
}

if (host) {
  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    open();
  }, { rootMargin: "400px" });
  watch.observe(host);
}
