// SPDX-License-Identifier: Apache-2.0
// A device that stands in the hall for everybody goes back after a quiet minute, with nothing of the guest before left. A paired screen
// does so by itself: it keeps its session and goes to its place. Any other device is opened with ?kiosk: its session ends and it goes to
// the stands. ?kiosk=off makes it a usual device again; ?kiosk=20 waits 20 s.
import { call } from "./form.js";

const KEY = "kiosk", FRESH = "kiosk-fresh";
const QUIET_S = 60;
const screen = document.querySelector("script[data-screen]") !== null;
const asked = new URLSearchParams(window.location.search).get("kiosk");
if (asked === "off") sessionStorage.removeItem(KEY);
else if (asked !== null) sessionStorage.setItem(KEY, String(Number(asked) || QUIET_S));

const seconds = Number(sessionStorage.getItem(KEY)) || (screen ? QUIET_S : 0);
if (seconds) {
  document.documentElement.dataset.kiosk = "";
  let timer;
  const busy = () => document.querySelector("[data-run]") !== null; // a run is watched
  const reset = async () => {
    if (busy()) return wait();
    try {
      if (!screen) await call("DELETE", "/api/v1/session");
      await call("DELETE", "/api/v1/preferences");
    } catch (error) {
      if (!error.told) return wait(); // the hall will be there again
    }
    sessionStorage.setItem(FRESH, "");
    window.location.assign(screen ? "/screen" : `/stands?kiosk=${seconds}`);
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(reset, seconds * 1000);
  };
  for (const touch of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
    document.addEventListener(touch, wait, { passive: true, capture: true });
  }
  if (sessionStorage.getItem(FRESH) === null) wait(); // else nobody has touched it since
  sessionStorage.removeItem(FRESH);
}
