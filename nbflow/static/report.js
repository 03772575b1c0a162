// The page of a report, around the renderer.

import { mount } from "./view.js";

/** What ``page.py`` packed: JSON, compressed, in letters. @param {string} text */
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
}

const live = document.getElementById("nbf-live");
if (live && "DecompressionStream" in globalThis) { // else the tables stand there, which say the same
  const given = await unpacked(document.getElementById("nbf-data")?.textContent ?? "");
  mount(live, { base: given.base, anchors: given.anchors }).update(given.view);
  document.body.classList.add("nbf-drawn");
  document.getElementById("nbf-tables")?.removeAttribute("open");
}

/** As high as what is in it. @param {HTMLIFrameElement} frame */
function stretch(frame) {
  const high = frame.contentDocument?.documentElement?.getBoundingClientRect().height;
  if (high) frame.style.height = `${Math.min(Math.ceil(high) + 2, 900)}px`;
}
for (const frame of document.querySelectorAll("iframe")) {
  stretch(frame);
  frame.addEventListener("load", () => stretch(frame));
  frame.closest("details")?.addEventListener("toggle", () => stretch(frame));
}
/** A link to something that is folded away opens it. */
function unfold() {
  const there = location.hash ? document.getElementById(location.hash.slice(1)) : null;
  if (there instanceof HTMLDetailsElement) there.open = true;
}
addEventListener("hashchange", unfold);
unfold();
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
});
