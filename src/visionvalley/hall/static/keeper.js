// SPDX-License-Identifier: Apache-2.0
// The service worker of the wall: keeps the last good page of /welcome and /screen, all that it is made of, and what the hall told
// last, and gives it where the hall does not answer. What was kept says when (x-kept-at: milliseconds, this device's clock).

const STORE = "wall";
const PAGES = ["/welcome", "/screen"];
const TOLD = "/api/v1/welcome";
const NEVER_CHANGES = /^\/(static|api\/v1\/(runs\/[^/]+\/pictures|welcome\/points))\//;
const PATIENCE_MS = 5000;
const MOST_PICTURES = 24;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== self.location.origin) return;
  if (NEVER_CHANGES.test(pathname)) event.respondWith(keptFirst(event, pathname));
  else if (PAGES.includes(pathname) || pathname === TOLD || pathname.startsWith("/assets/")) event.respondWith(hallFirst(event, pathname));
});

async function keptFirst(event, path) {
  return await kept(path) ?? await asked(event, path);
}

async function hallFirst(event, path) {
  const answer = asked(event, path);
  const inTime = await Promise.race([answer.catch(() => null), new Promise((done) => setTimeout(done, PATIENCE_MS, null))]);
  if (inTime && inTime.status < 500) return inTime;
  return await kept(path) ?? (path === "/screen" && await kept("/welcome") ? Response.redirect("/welcome") : answer);
}

const kept = async (path) => (await caches.open(STORE)).match(path);

async function asked(event, path) {
  const answer = await fetch(event.request);
  event.waitUntil(keep(path, answer.clone()));
  return answer;
}

async function keep(path, answer) {
  const store = await caches.open(STORE);
  if (path === "/screen" && answer.type === "opaqueredirect") await store.delete(path); // it is a screen, and has its place
  if (path === "/screen" && answer.ok) await Promise.all(["/welcome", TOLD].map((one) => store.delete(one))); // it is none any more
  if (!answer.ok || answer.redirected) return;
  const headers = new Headers(answer.headers);
  headers.set("x-kept-at", Date.now());
  await store.put(path, new Response(await answer.blob(), { headers }));
  const old = outdated(path, (await store.keys()).map((one) => new URL(one.url).pathname));
  await Promise.all(old.map((one) => store.delete(one)));
}

/** What need not be kept any longer, now that this is: files of another version, other points, too many pictures. */
function outdated(path, all) {
  const [, first, second] = path.split("/");
  const like = (start) => all.filter((one) => one.startsWith(start));
  if (first === "static") return like("/static/").filter((one) => !one.startsWith(`/static/${second}/`));
  if (path.startsWith(`${TOLD}/points/`)) return like(`${TOLD}/points/`).filter((one) => one !== path);
  return path.startsWith("/api/v1/runs/") ? like("/api/v1/runs/").slice(0, -MOST_PICTURES) : [];
}
