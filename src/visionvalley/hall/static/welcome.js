// SPDX-License-Identifier: Apache-2.0
// The welcome on a wall. Once a second it looks at the hall's clock and shows what is then: a visit, or the loop between visits.
// What it knows reaches a day and a half ahead, so that it goes on when the hall cannot be reached, also from what was kept when the
// browser starts again (keeper.js); then it asks again, ever more slowly, for as long as it takes. A change is told within seconds.
import { listen } from "./live.js";
import { fit, showGreeting, showIdea, showPlan, showResults } from "./wall.js";
import { turn } from "./valley.js";

const TICK_MS = 1000;
const ASK_MS = 300000; // also when nothing was told: clocks drift
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 60000;
const LOST_MS = 8000;
const SLOW_MS = 5000; // an answer that took longer tells nothing of the time
export const TURN_MS = 30000; // several visits, or the languages of the loop

const body = document.body;
let told = null, known = "", news = 0, ahead = 0, due = 0, pause = FIRST_PAUSE_MS, asking = false, missed = false, lostSince = null;
const drawn = {};

/** The hall's clock, milliseconds. */
export const now = () => Date.now() + ahead;

/** The visit that is shown at a time: whose entry is where this screen is, else each in turn; null between visits. */
export function chosen(visits, at) {
  const here = visits.filter((one) => Date.parse(one.begins) <= at && at < Date.parse(one.ends));
  const atThisPlace = here.filter((one) => current(one, at).some((entry) => entry.here));
  const some = atThisPlace.length ? atThisPlace : here;
  return some.length ? some[Math.floor(at / TURN_MS) % some.length] : null;
}

/** The entries of a visit at a time. */
export const current = (visit, at) =>
  visit.programme.filter((one) => Date.parse(one.begins) <= at && at < Date.parse(one.ends));

async function ask() {
  if (asking) return;
  asking = true;
  const begun = Date.now();
  try {
    const answer = await fetch("/api/v1/welcome", { cache: "no-store", signal: AbortSignal.timeout(20000) });
    if (!answer.ok) throw new Error(String(answer.status));
    const keptAt = Number(answer.headers.get("x-kept-at"));
    if (keptAt) recall(await answer.json(), keptAt);
    else take(await answer.json(), begun);
  } catch {
    lost(begun);
  } finally {
    asking = false;
    if (missed) due = 0;
    missed = false;
  }
}

/** The hall did not answer; go on with what it told before this page was loaded. */
function recall(answer, keptAt) {
  lost(keptAt);
  if (told !== null || answer.version !== body.dataset.version) return;
  correct(answer, keptAt);
  [told, news] = [answer, news + 1];
  tick();
}

function lost(since) {
  lostSince ??= since;
  due = Date.now() + pause;
  pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
}

/** Set the clock right by an answer that came at this time of the device's own. */
function correct(answer, at) {
  ahead = Date.parse(answer.now) + 500 - at;
  if (Math.abs(ahead) < 1500) ahead = 0; // the hall tells whole seconds
}

/** Ask as soon as may be; once more where an answer is under way, which may be older than the change. */
function again() {
  missed = asking;
  due = 0;
}

function take(answer, begun) {
  const ended = Date.now();
  if (answer.version !== body.dataset.version) return window.location.reload();
  if (body.dataset.screen && answer.location !== window.location.pathname) {
    return window.location.assign(answer.location || "/screen");
  }
  if (ended - begun < SLOW_MS) correct(answer, (begun + ended) / 2);
  const written = JSON.stringify({ ...answer, now: "" });
  if (written !== known) [known, told, news] = [written, answer, news + 1];
  pause = FIRST_PAUSE_MS;
  due = ended + ASK_MS;
  lostSince = null;
  tick();
}

/** Call `draw` where what it shows is not what is shown. */
function redraw(name, key, draw) {
  if (drawn[name] === key) return false;
  drawn[name] = key;
  draw();
  return true;
}

function tick() {
  const at = now();
  if (Date.now() >= due || due - Date.now() > 2 * ASK_MS) ask();
  showLost();
  if (!told) return;
  const visit = chosen(told.visits, at);
  body.dataset.visit = visit?.id ?? "";
  const changed = [visit ? greet(visit) : loop(at), plan(visit, at), results(visit)];
  if (changed.some(Boolean)) fit();
  turn(told.background?.address ?? "");
}

function greet(visit) {
  const { languages } = told;
  return redraw("greeting", `${visit.id} ${news}`, () => showGreeting(visit, languages));
}

function loop(at) {
  const code = told.house[Math.floor(at / TURN_MS) % told.house.length];
  return redraw("greeting", `${code} ${news}`, () => showIdea(code, told.house, told.languages));
}

function plan(visit, at) {
  const minute = Math.floor(at / 60000);
  return redraw("plan", `${visit?.id} ${news} ${minute}`, () => showPlan(visit, at, told, language(visit)));
}

function results(visit) {
  const codes = language(visit);
  return redraw("results", `${codes} ${news}`, () => showResults(told.latest, codes, told));
}

/** The languages of labels: the guests' first and the host's own; between visits the browser's own. */
function language(visit) {
  if (!visit) return [body.dataset.language];
  return [...new Set([visit.languages[0], visit.languages.at(-1)])];
}

function showLost() {
  const sign = document.getElementById("lost");
  const lost = lostSince !== null && Math.abs(Date.now() - lostSince) > LOST_MS;
  if (sign.hidden !== lost) return;
  sign.hidden = !lost;
  sign.textContent = lost ? told?.languages[body.dataset.language].words.lost ?? "" : "";
}

listen(["welcome"], () => {
  again();
  tick();
}, (there) => {
  if (there) again(); // what was told meanwhile
  else lostSince ??= Date.now();
});
window.addEventListener("resize", fit);
document.fonts?.ready.then(fit);
setInterval(tick, TICK_MS);
tick();
