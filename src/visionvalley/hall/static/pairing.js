// SPDX-License-Identifier: Apache-2.0
// Shows the code by which this browser becomes a screen, asks whether somebody typed it, and goes where the screen is to be.
import { call } from "./form.js";

const ASK_MS = 3000;
const LONGEST_MS = 60000;
const LASTS_MS = 590000; // of a code, by this browser's clock, which may be wrong
const code = document.getElementById("code");
const told = document.getElementById("told");
let secret = "", ends = 0, pause = ASK_MS;

async function show() {
  const made = await call("POST", "/api/v1/pairings");
  secret = made.secret;
  ends = Date.now() + LASTS_MS;
  code.textContent = `${made.code.slice(0, 3)} ${made.code.slice(3)}`;
  const drawn = new DOMParser().parseFromString(made.picture, "text/html").querySelector("svg");
  document.getElementById("picture").replaceChildren(document.adoptNode(drawn));
}

async function ask() {
  try {
    if (!secret || Date.now() >= ends) await show();
    const answer = await call("POST", "/api/v1/pairings/claim", { secret });
    if (answer.paired) return window.location.assign(answer.location);
    told.hidden = true;
    pause = ASK_MS;
  } catch (error) {
    if (error.told?.id === "visits.no_code") secret = "";
    told.textContent = error.told?.what ?? document.body.dataset.lost;
    told.hidden = error.told?.id === "visits.no_code";
    pause = Math.min(2 * pause, LONGEST_MS);
  }
  setTimeout(ask, pause);
}

ask();
