// SPDX-License-Identifier: Apache-2.0
// A device that stands in the hall for everybody: opened with ?kiosk, it goes back to the stands after a quiet minute, with
// the session ended and nothing of the guest before left. ?kiosk=off makes it a usual device again; ?kiosk=20 waits 20 s.
import { call } from "./form.js";

const KEY = "kiosk";
const QUIET_S = 60;
const asked = new URLSearchParams(window.location.search).get("kiosk");
if (asked === "off") sessionStorage.removeItem(KEY);
else if (asked !== null) sessionStorage.setItem(KEY, String(Number(asked) || QUIET_S));

const seconds = Number(sessionStorage.getItem(KEY));
if (seconds) {
  document.documentElement.dataset.kiosk = "";
  let timer;
  const busy = () => document.querySelector("[data-run]") !== null; // a run is watched
  const reset = async () => {
    if (busy()) return wait();
    try {
      await call("DELETE", "/api/v1/session");
    } catch { // the hall will be there again
    }
    window.location.assign("/stands?kiosk=" + seconds);
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(reset, seconds * 1000);
  };
  for (const touch of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
    document.addEventListener(touch, wait, { passive: true, capture: true });
  }
  if (window.location.pathname !== "/stands" || document.querySelector(".who-signed")) wait();
}
