// SPDX-License-Identifier: Apache-2.0
// A page on a paired screen: told to be elsewhere, it goes there; where its session ended, it asks to be paired anew.
import { listen } from "./live.js";

const id = document.querySelector("script[data-screen]").dataset.screen;
listen([`screen.${id}`], (_topic, place) => {
  if (place !== window.location.pathname) window.location.assign(place);
});
