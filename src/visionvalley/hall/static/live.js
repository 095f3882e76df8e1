// SPDX-License-Identifier: Apache-2.0
// Live updates: listen(["runs.1", "hall"], (topic, value) => ..., (there) => ...). The browser connects again by itself and says
// what it saw last; where not even the hall's beat is heard, a new connection is begun, for weeks if need be.

const SILENCE_MS = 45000;
const PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 30000;

export function listen(topics, told, connected = () => {}) {
  const address = `/api/v1/live?${topics.map((topic) => `topic=${encodeURIComponent(topic)}`).join("&")}`;
  let source, watch, pause = PAUSE_MS, ended = false;

  function heard() {
    clearTimeout(watch);
    watch = setTimeout(begin, SILENCE_MS);
  }

  function begin() {
    source?.close();
    if (ended) return;
    heard();
    source = new EventSource(address);
    source.addEventListener("open", () => {
      pause = PAUSE_MS;
      heard();
      connected(true);
    });
    source.addEventListener("beat", heard);
    source.addEventListener("message", (event) => {
      heard();
      const { topic, value } = JSON.parse(event.data);
      told(topic, value);
    });
    source.addEventListener("error", () => {
      connected(false);
      if (source.readyState !== EventSource.CLOSED) return; // it tries again itself
      clearTimeout(watch);
      watch = setTimeout(begin, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    });
  }

  begin();
  return () => {
    ended = true;
    clearTimeout(watch);
    source.close();
  };
}
