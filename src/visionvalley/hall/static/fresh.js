// SPDX-License-Identifier: Apache-2.0
// A part of a page that stays fresh: <div id="x" data-fresh="topic topic" data-each="seconds">. When one of its topics is told,
// after so many seconds, or when a form in it was answered (data-stays), the page is asked for again and the part replaced.
// What somebody wrote in other forms of it is carried over. Who writes just now is not disturbed: [data-news] is shown instead,
// whose button brings the new part.
import { listen } from "./live.js";

const FIELDS = "textarea, select, input:not([type=hidden])";
const SOON_MS = 150;

const busy = (part) =>
  part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select") ||
  Boolean(document.querySelector("dialog[open]") || part.querySelector("[aria-busy=true]"));

function changed(field) {
  if (field instanceof HTMLSelectElement) return [...field.options].some((one) => one.selected !== one.defaultSelected && one.selected);
  return field.type === "checkbox" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
}

function carryOver(old, made) {
  for (const form of old.querySelectorAll("form[data-api]")) {
    const same = [...made.querySelectorAll("form[data-api]")].find((one) => one.dataset.api === form.dataset.api);
    for (const field of same ? form.querySelectorAll(FIELDS) : []) {
      const next = same.elements.namedItem(field.name);
      if (!changed(field) || !next || next instanceof RadioNodeList) continue;
      if (field.type === "checkbox") next.checked = field.checked;
      else next.value = field.value;
    }
  }
  for (const one of old.querySelectorAll("details[id]")) {
    const same = made.querySelector(`#${CSS.escape(one.id)}`);
    if (same) same.open = one.open;
  }
}

const news = (shown) => document.querySelector("[data-news]")?.toggleAttribute("hidden", !shown);

async function refresh(id, wanted = false) {
  const old = document.getElementById(id);
  const answer = await fetch(window.location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok || !old?.isConnected) return;
  const made = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
  if (!made || !old.isConnected) return;
  if (!wanted && busy(old)) { // somebody began to write meanwhile
    news(true);
    return;
  }
  carryOver(old, made);
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  old.replaceWith(document.adoptNode(made));
  if (focused) document.getElementById(focused)?.focus();
  news(false);
  begin(made, false);
}

function told(id) {
  const part = document.getElementById(id);
  if (part && busy(part)) news(true);
  else refresh(id);
}

function begin(part, first = true) {
  if (first && part.dataset.fresh.trim()) {
    let soon;
    listen(part.dataset.fresh.split(" ").filter(Boolean), () => {
      clearTimeout(soon);
      soon = setTimeout(told, SOON_MS, part.id);
    });
  }
  if (part.dataset.each) setTimeout(told, Number(part.dataset.each) * 1000, part.id);
}

for (const part of document.querySelectorAll("[data-fresh]")) begin(part);

document.addEventListener("answered", (event) => {
  const part = event.target.closest("[data-fresh]");
  if (!part || !("stays" in event.target.dataset)) return;
  event.target.reset();
  document.activeElement?.blur();
  setTimeout(told, SOON_MS, part.id);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-bring]");
  if (button) refresh(button.dataset.bring, true);
});
