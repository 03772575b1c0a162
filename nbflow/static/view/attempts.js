// What an attempt spent its time on, and that as bars.

import { made, set } from "./elements.js";
import { BAD, BUSY, stateClass } from "./states.js";
import { duration, seconds } from "./words.js";
/** @import { AttemptView, StepView } from "./shape.js" */

/** The parts of an attempt as bars: class, word, and which seconds it adds up. */
export const PARTS = /** @type {const} */ ([
  ["waiting", "waiting", ["waiting"]],
  ["kernel", "kernel and inputs", ["kernel", "loading"]],
  ["code", "code", ["code"]],
  ["saving", "saving outputs", ["saving"]],
]);

/** The bars of an attempt. @param {AttemptView} attempt @param {StepView} step @param {number} begin @returns {HTMLElement[]} */
export function attemptBars(attempt, step, begin) {
  const of = attempt.ending || (BUSY.has(step.state) ? step.state : "cancelled");
  if (attempt.ended === null || attempt.started === null) {
    if (attempt.started === null) return [];
    const open = made("span", { class: `nbf-bar nbf-part-code nbf-open ${stateClass(of)}` });
    set(open, "--at", seconds(attempt.started) - begin);
    return [open];
  }
  const end = seconds(attempt.ended) - begin;
  const held = attempt.usage.kernel + attempt.usage.loading + attempt.usage.code + attempt.usage.saving;
  const parts = held ? PARTS : /** @type {const} */ ([["code", "", []]]);
  let at = held ? end - held - attempt.usage.waiting : seconds(attempt.started) - begin;
  const bars = [];
  for (const [part, , names] of parts) {
    const took = held ? names.reduce((sum, name) => sum + attempt.usage[name], 0) : end - at;
    if (took > 0) {
      const bar = made("span", { class: `nbf-bar nbf-part-${part} ${stateClass(of)}`, title: held ? `attempt ${attempt.number}: ${part} ${duration(took)}` : "" });
      set(bar, "--at", Number(at.toFixed(3)));
      set(bar, "--for", Number(took.toFixed(3)));
      bars.push(bar);
    }
    at += took;
  }
  if (BAD.has(attempt.ending)) {
    const cross = made("span", { class: `nbf-bar nbf-end ${stateClass(of)}` }, attempt.ending === "failed" ? "✘" : "↯");
    set(cross, "--at", Number(end.toFixed(3)));
    bars.push(cross);
  }
  return bars;
}
