// SPDX-License-Identifier: Apache-2.0
// Shows the picture of a new invitation beside its link. The picture is an SVG that the hall made.

document.addEventListener("answered", (event) => {
  const place = event.target.querySelector("[data-picture]");
  if (!place || !event.detail.picture) return;
  const drawn = new DOMParser().parseFromString(event.detail.picture, "text/html").querySelector("svg");
  drawn.setAttribute("role", "img");
  drawn.setAttribute("aria-label", place.dataset.picture);
  place.replaceChildren(drawn);
});
