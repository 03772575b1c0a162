// How a pipeline stands, in a few words.

import { counts, isLive, shown, type Known } from './model.js';

/** "running 2/5", "3 stale, 2 fresh", "2 problems"; empty where there is no pipeline. */
export function summary(known: Known): string {
  const errors = known.plan?.findings.filter(one => one.severity === 'error').length ?? 0;
  const view = shown(known);
  if (isLive(known) && view) {
    const all = view.steps.length;
    const done = view.steps.filter(step => step.ended !== null || step.state === 'reused').length;
    return `${view.label} ${done}/${all}`;
  }
  if (errors) return `${errors} problem${errors === 1 ? '' : 's'}`;
  return [...counts(known)].map(([state, number]) => `${number} ${state}`).join(', ');
}
