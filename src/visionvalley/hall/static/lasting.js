// SPDX-License-Identifier: Apache-2.0
// A wall whose browser starts again while the hall is away shows what it showed last: keeper.js keeps it. Only screens, and browsers in
// which nobody is signed in, keep anything; where somebody is, what was kept is dropped.

const KEPT = /^\/(welcome|screen|static|assets|api\/v1\/(welcome|runs))\b/;
const workers = navigator.serviceWorker; // none without TLS, but on localhost

async function last() {
  await workers.register("/keeper.js", { scope: window.location.pathname, updateViaCache: "none" });
  if (!workers.controller) await new Promise((done) => workers.addEventListener("controllerchange", done, { once: true }));
  const seen = new PerformanceObserver((list) => list.getEntries().filter((one) => !one.workerStart).forEach((one) => again(one.name)));
  for (const type of ["navigation", "resource"]) seen.observe({ type, buffered: true });
}

/** Ask once more, now by the worker, for what came before it was there. */
function again(address) {
  if (KEPT.test(new URL(address).pathname)) fetch(address).catch(() => {});
}

async function forget() {
  const known = await workers.getRegistrations();
  await Promise.all(known.map((one) => one.unregister()));
  await caches.delete("wall");
  if (workers.controller) window.location.reload();
}

if (workers) (("lasting" in document.body.dataset) ? last() : forget()).catch((error) => console.info(error)); // such as a certificate that this device does not trust
