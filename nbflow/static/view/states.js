// How a state looks and what a step in it says: class, sign, the note on its card, and the bar of many.

import { drawn, made, set, tell } from "./elements.js";
import { duration } from "./words.js";
/** @import { StepView } from "./shape.js" */

/* generated: signs (make docs) */
/** State → the path of its sign, around 0,0 in a disc of radius 9. @type {{[state: string]: string}} */
const SIGNS = {
  "waiting": "M-3.7 0h.01M0 0h.01M3.7 0h.01",
  "starting": "M-2.2-3.7 3.8 0-2.2 3.7Z",
  "running": "M-2.2-3.7 3.8 0-2.2 3.7Z",
  "stopping": "M-2.7-2.7H2.7V2.7H-2.7Z",
  "retrying": "M3.9-1.7A4.2 4.2 0 1 0 4.1 1M4.6-4.7V-1.4H1.3",
  "succeeded": "M-4 .4-1.2 3.2 4.2-3",
  "reused": "M-3.9-1.7A4.2 4.2 0 1 1-4.1 1M-4.6-4.7V-1.4H-1.3",
  "failed": "M-3.2-3.2 3.2 3.2M3.2-3.2-3.2 3.2",
  "crashed": "M1-5.2-3.2.8H-.3L-1 5.2 3.2-.8H.3Z",
  "skipped": "M-3.7 0H3.7",
  "cancelled": "M-2.7-2.7H2.7V2.7H-2.7Z",
  "fresh": "M-4 .4-1.2 3.2 4.2-3",
  "stale": "M-2.6 0A2.6 2.6 0 1 1 2.6 0A2.6 2.6 0 1 1-2.6 0Z",
  "maybe stale": "M-2.6 0A2.6 2.6 0 1 1 2.6 0A2.6 2.6 0 1 1-2.6 0Z",
  "no result": "M-3.7 0h.01M0 0h.01M3.7 0h.01",
  "invalid": "M-3.2-3.2 3.2 3.2M3.2-3.2-3.2 3.2",
};
/* end of generated */

export const BUSY = new Set(["starting", "running", "stopping", "retrying"]);
export const BAD = new Set(["failed", "crashed", "invalid"]);

/** The class of a state: `nbf-succeeded`. @param {string} state */
export function stateClass(state) {
  return `nbf-${state.replace(/[^a-z]+/g, "-")}`;
}

/** Its sign in a disc. Colours come from the state class of something around it. @param {string} state */
export function sign(state) {
  const path = drawn("path", { class: "nbf-sign", d: SIGNS[state] ?? "" });
  const disc = drawn("circle", { class: "nbf-disc", r: "9" });
  return drawn("svg", { class: "nbf-mark", viewBox: "-11 -11 22 22", "aria-hidden": "true" }, disc, path);
}

/** @param {Element} element @param {string} state what it was @param {string} next */
export function changeState(element, state, next) {
  if (state === next) return;
  if (state) element.classList.remove(stateClass(state));
  element.classList.add(stateClass(next));
  element.querySelector(".nbf-sign")?.setAttribute("d", SIGNS[next] ?? "");
}

/** What the card of a step says below its name. @param {StepView} step */
export function noteOf(step) {
  if (step.attempts.length > 1 && BUSY.has(step.state)) return `${step.label} · attempt ${step.attempts.length}`;
  if (step.state === "running" && step.total > 1) return `${step.label} ${step.done}/${step.total}`;
  const took = step.state === "succeeded" || BAD.has(step.state) ? duration(step.seconds) : "";
  return took ? `${step.label} · ${took}` : step.label;
}

/** A bar of states. @param {HTMLElement} bar @param {Map<string, number>} sums */
export function drawShares(bar, sums) {
  while (bar.children.length > sums.size) bar.lastElementChild?.remove();
  [...sums].forEach(([state, n], index) => {
    const part = /** @type {HTMLElement} */ (bar.children[index] ?? bar.appendChild(made("span")));
    tell(part, "class", `nbf-share ${stateClass(state)}`);
    set(part, "flex-grow", n);
  });
}
