// SPDX-License-Identifier: Apache-2.0
// A part of a page that stays fresh: <div id="x" data-fresh="topic topic" data-each="seconds">. When one of its topics is told,
// or after so many seconds, the page is asked for again and the part replaced. Whoever writes in it is not disturbed:
// then [data-news] is shown, whose button brings the new part.
import { listen } from "./live.js";

const written = (part) =>
  part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select") ||
  [...part.querySelectorAll("textarea, input:not([type=hidden])")].some((field) => field.value !== field.defaultValue) ||
  Boolean(part.querySelector("dialog[open], [aria-busy=true]"));

const showNews = () => document.querySelector("[data-news]")?.removeAttribute("hidden");

async function refresh(id, wanted = false) {
  const old = document.getElementById(id);
  const answer = await fetch(window.location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok || !old) return;
  const made = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
  if (!made || !old.isConnected) return;
  if (!wanted && written(old)) { // somebody began to write meanwhile
    showNews();
    return;
  }
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  for (const one of old.querySelectorAll("details[id]")) {
    const same = made.querySelector(`#${CSS.escape(one.id)}`);
    if (same) same.open = one.open;
  }
  old.replaceWith(document.adoptNode(made));
  if (focused) document.getElementById(focused)?.focus();
  document.querySelector("[data-news]")?.setAttribute("hidden", "");
  begin(made, false);
}

function told(id) {
  const part = document.getElementById(id);
  if (part && written(part)) showNews();
  else refresh(id);
}

function begin(part, first = true) {
  if (first && part.dataset.fresh) {
    let soon;
    listen(part.dataset.fresh.split(" ").filter(Boolean), () => {
      clearTimeout(soon);
      soon = setTimeout(told, 150, part.id);
    });
  }
  if (part.dataset.each) setTimeout(told, Number(part.dataset.each) * 1000, part.id);
}

for (const part of document.querySelectorAll("[data-fresh]")) begin(part);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-bring]");
  if (button) refresh(button.dataset.bring, true);
});
