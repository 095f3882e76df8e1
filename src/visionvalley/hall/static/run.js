// SPDX-License-Identifier: Apache-2.0
// A run that is under way: its steps as they come, its end, and a button that stops it.
import { call, showError } from "./form.js";
import { listen } from "./live.js";

const panel = document.querySelector("[data-run]");
if (panel) {
  const id = panel.dataset.run;
  const code = panel.dataset.language;
  const part = (name) => panel.querySelector(name);
  const words = panel.dataset;
  const told = (words) => words[code] ?? words.en;
  let over = false;

  const show = (state) => {
    if (over) return;
    const bar = part("progress");
    if (state.share === null) bar.removeAttribute("value");
    else bar.value = state.share;
    const stage = state.phase === "waiting" ? (state.place > 1 ? words.waits.replace("{place}", state.place) : words.next)
      : state.stage ? told(state.stage) : words.works;
    if (part(".run-now").textContent !== stage) part(".run-now").textContent = stage;
    part(".run-seconds").textContent = state.seconds ? `${Math.round(state.seconds)}\u202fs` : "";
    const done = part(".run-done");
    for (const one of state.finished.slice(done.children.length)) {
      const line = document.createElement("li");
      line.textContent = told(one);
      done.append(line);
    }
    if (state.phase === "done") end(() => window.location.reload());
    else if (state.phase === "failed") end(() => fail(told(state.error)));
    else if (state.phase === "cancelled") end(() => window.location.assign(panel.dataset.stand));
  };
  const end = (act) => {
    over = true;
    stop();
    act();
  };
  const fail = (error) => {
    showError(part(".told"), { told: error });
    part(".run-work").hidden = true;
    part(".run-again").hidden = false;
    delete panel.dataset.run;
  };

  const stop = listen([`runs.${id}`], (_, state) => show(state));
  call("GET", `/api/v1/runs/${id}`).then((state) => { // it may have been over before anybody listened
    if (state.phase === "done") end(() => window.location.reload());
    if (state.phase === "failed" && state.error) end(() => fail(state.error));
    if (state.phase === "cancelled") end(() => window.location.assign(panel.dataset.stand));
  }).catch((error) => end(() => fail(error.told ?? { what: error.message, why: "", fix: "" })));
  part(".run-stop").addEventListener("click", () => call("DELETE", `/api/v1/runs/${id}`).catch((error) => showError(part(".told"), error)));
}
