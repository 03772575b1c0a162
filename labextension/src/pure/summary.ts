// How a pipeline stands, in short. The words for it are the status bar's.

import { counts, isLive, shown, type Known } from './model.js';

export type Summary =
  | { readonly kind: 'run'; readonly label: string; readonly done: number; readonly all: number }
  | { readonly kind: 'problems'; readonly number: number }
  | { readonly kind: 'steps'; /** State → how many are in it. */ readonly counts: ReadonlyMap<string, number> };

/** The run that goes on, else how much is wrong, else the states of the steps; null where there is no pipeline. */
export function summary(known: Known): Summary | null {
  const errors = known.plan?.findings.filter(one => one.severity === 'error').length ?? 0;
  const view = shown(known);
  if (isLive(known) && view) {
    const done = view.steps.filter(step => step.ended !== null || step.state === 'reused').length;
    return { kind: 'run', label: view.label, done, all: view.steps.length };
  }
  if (errors) return { kind: 'problems', number: errors };
  const found = counts(known);
  return found.size ? { kind: 'steps', counts: found } : null;
}
