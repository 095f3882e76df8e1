// SPDX-License-Identifier: Apache-2.0
// Every form with data-api="METHOD /address" is one call of the API: its fields as JSON, with the page's CSRF token.
// The one error is shown beside it. Otherwise the browser goes where the answer says, or loads the page again.
//   data-type="number|boolean|json" on a field: what it is in JSON; an empty field without `required` is left out
//   data-asks, data-yes, data-no    on a button: ask before it is done
//   data-shows="name"               on a form: show this part of the answer in [data-link], and stay
//   data-stays                      on a form: stay; whoever listens gets the event "answered" with the answer

const CONVERT = { number: Number, boolean: (value) => value === "true", json: JSON.parse };

export async function call(method, address, body) {
  const headers = { "X-CSRF-Token": document.querySelector('meta[name="csrf"]').content };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(address, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.what), { told });
  return told;
}

function fields(form, button) {
  const found = {};
  for (const [name, value] of new FormData(form, button)) {
    if (value instanceof File) continue;
    const field = form.elements.namedItem(name);
    const element = field instanceof RadioNodeList ? field[0] : field;
    if (value === "" && element && !element.required && element.type !== "hidden" && !("keep" in element.dataset)) continue;
    const convert = CONVERT[element?.dataset?.type];
    const told = convert ? convert(value) : value;
    if (element?.dataset && "many" in element.dataset) (found[name] ??= []).push(told);
    else found[name] = told;
  }
  return found;
}

export function showError(box, error) {
  const told = error.told ?? { what: box.ownerDocument.body.dataset.lost, why: "", fix: "" };
  const line = (tag, text, name) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.textContent = text;
    return element;
  };
  box.replaceChildren(line("strong", told.what), line("p", told.why), line("p", told.fix, "fix"));
  box.hidden = false;
}

function agreed(button) {
  if (!button?.dataset.asks) return Promise.resolve(true);
  const dialog = document.createElement("dialog");
  const words = document.createElement("p");
  words.id = "asked";
  words.textContent = button.dataset.asks;
  dialog.setAttribute("aria-labelledby", words.id);
  const actions = document.createElement("p");
  actions.className = "actions";
  for (const [value, name, kind] of [["no", button.dataset.no, "button quiet"], ["yes", button.dataset.yes, "button"]]) {
    const choice = Object.assign(document.createElement("button"), { className: kind, textContent: name });
    choice.addEventListener("click", () => dialog.close(value));
    actions.append(choice);
  }
  dialog.append(words, actions);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      button.focus();
      resolve(dialog.returnValue === "yes");
    });
  });
}

async function send(form, button) {
  const box = form.querySelector(".told");
  if (form.getAttribute("aria-busy") === "true" || !(await agreed(button))) return;
  const [method, address] = form.dataset.api.split(" ");
  form.setAttribute("aria-busy", "true");
  button?.setAttribute("aria-busy", "true");
  box.hidden = true;
  try {
    const body = fields(form, button);
    const answer = await call(method, address, method === "DELETE" || !Object.keys(body).length ? undefined : body);
    form.dispatchEvent(new CustomEvent("answered", { detail: answer, bubbles: true }));
    if (form.dataset.shows) show(form, answer[form.dataset.shows]);
    else if (answer.location) window.location.assign(answer.location);
    else if (!("stays" in form.dataset)) window.location.reload();
  } catch (error) {
    showError(box, error);
  } finally {
    form.removeAttribute("aria-busy");
    button?.removeAttribute("aria-busy");
  }
}

function show(form, path) {
  const field = form.querySelector("[data-link]");
  field.value = new URL(path, window.location.origin).href;
  form.querySelector(".shown").hidden = false;
  field.focus();
  field.select();
}

document.addEventListener("submit", (event) => {
  if (!event.target.dataset.api) return;
  event.preventDefault();
  send(event.target, event.submitter);
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = button.parentElement.querySelector("input");
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // an address without TLS has no clipboard
  }
  button.textContent = button.dataset.copy;
});
