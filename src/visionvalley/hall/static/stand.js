// SPDX-License-Identifier: Apache-2.0
// A stand's forms: run a sample live, or one's own files. Lengths are written in millimetres and sent in metres.
import { call, showError } from "./form.js";

function settings(form) {
  const found = {};
  for (const field of form.querySelectorAll("[data-setting]")) {
    if (field.disabled || field.closest("[disabled]") || field.value === "") continue;
    const { setting, factor, kind } = field.dataset;
    if (kind === "number") found[setting] = Number(field.value) / Number(factor);
    else if (kind === "flag") found[setting] = field.checked;
    else found[setting] = field.value;
  }
  return found;
}

async function begin(form, asked) {
  const box = form.querySelector(".told");
  const button = form.querySelector("button[type=submit]");
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  button.setAttribute("aria-busy", "true");
  box.hidden = true;
  try {
    const answer = await call("POST", "/api/v1/runs", await asked());
    window.location.assign(answer.location);
  } catch (error) {
    showError(box, error);
    form.removeAttribute("aria-busy");
    button.removeAttribute("aria-busy");
  }
}

const live = document.getElementById("live-form");
if (live) {
  const fields = live.querySelector("fieldset.settings");
  const change = () => {
    const chosen = live.querySelector("[name=sample]:checked");
    if (fields) fields.disabled = fields.hidden = !chosen || "settled" in chosen.dataset;
    for (const field of live.querySelectorAll("[data-setting]")) {
      const value = JSON.parse(chosen?.dataset.settings ?? "{}")[field.dataset.setting];
      if (value !== undefined) field.value = typeof value === "number" ? Number((value * Number(field.dataset.factor)).toPrecision(12)) : value;
    }
  };
  live.addEventListener("change", (event) => { if (event.target.name === "sample") change(); });
  change();
  live.addEventListener("submit", (event) => {
    event.preventDefault();
    const sample = live.querySelector("[name=sample]:checked").value;
    begin(live, () => ({ stand: live.dataset.stand, sample, settings: settings(live) }));
  });
}

const own = document.getElementById("own-form");
if (own) {
  const places = [...own.querySelectorAll(".drop")];
  for (const place of places) {
    const input = place.querySelector("input[type=file]");
    const unit = place.querySelector("select");
    const show = () => {
      const file = input.files[0];
      place.querySelector(".drop-name").textContent = file ? `${file.name} (${(file.size / 1e6).toFixed(1)} MB)` : "";
      place.dataset.filled = file ? "yes" : "";
      if (unit) unit.closest("label").hidden = !file || (unit.dataset.known ?? "").split(" ").includes(ending(file.name));
    };
    input.addEventListener("change", show);
    for (const name of ["dragenter", "dragover"]) place.addEventListener(name, (event) => {
      event.preventDefault();
      place.classList.add("over");
    });
    for (const name of ["dragleave", "drop"]) place.addEventListener(name, () => place.classList.remove("over"));
    place.addEventListener("drop", (event) => {
      event.preventDefault();
      if (!event.dataTransfer.files.length) return;
      input.files = event.dataTransfer.files;
      show();
    });
    show();
  }
  own.addEventListener("submit", (event) => {
    event.preventDefault();
    begin(own, () => brought(places));
  });
}

function ending(name) {
  return name.slice(name.lastIndexOf(".")).toLowerCase();
}

/** Send the files one after the other; return what is to be run. */
async function brought(places) {
  const asked = { stand: own.dataset.stand, files: {}, units: {}, settings: settings(own) };
  for (const place of places) {
    const file = place.querySelector("input[type=file]").files[0];
    if (!file) continue;
    asked.files[place.dataset.role] = (await sent(file, place.querySelector("progress"))).id;
    const unit = place.querySelector("label:not([hidden]) select");
    if (unit?.value) asked.units[place.dataset.role] = unit.value;
  }
  return asked;
}

function sent(file, bar) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("X-CSRF-Token", document.querySelector('meta[name="csrf"]').content);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    bar.hidden = false;
    request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) bar.value = event.loaded / event.total; });
    request.addEventListener("load", () => {
      bar.hidden = true;
      if (request.status === 201) resolve(request.response);
      else reject(Object.assign(new Error(String(request.status)), { told: request.response ?? undefined }));
    });
    request.addEventListener("error", () => {
      bar.hidden = true;
      reject(new Error("lost"));
    });
    request.send(file);
  });
}
