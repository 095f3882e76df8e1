// SPDX-License-Identifier: Apache-2.0
// Says at the door who came, and is ready for the next code.

document.addEventListener("answered", (event) => {
  const form = event.target.closest(".door");
  if (!form) return;
  const { name, title, delegation, again } = event.detail;
  const line = (tag, text) => Object.assign(document.createElement(tag), { textContent: text, dir: "auto" });
  const box = document.querySelector("#came");
  box.replaceChildren(line("strong", name), line("span", [title, delegation].filter(Boolean).join(" · ")));
  box.append(line("p", again ? box.dataset.again : box.dataset.first));
  box.hidden = false;
  form.reset();
  const field = form.querySelector("input[name=code]");
  field.value = "";
  field.focus();
});
