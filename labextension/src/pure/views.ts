// Views of a run as they arrive: a whole one, then what has changed.

import type { RunChange, RunView } from './wire.js';

/** What is known after a change. What has not changed is the same object as before. */
export function merged(before: RunView | null, change: RunChange): RunView {
  if (before === null || before.run !== change.run) return change as RunView;
  const steps = new Map(before.steps.map(step => [step.id, step]));
  for (const step of change.steps ?? []) steps.set(step.id, step);
  return { ...before, ...change, steps: [...steps.values()] };
}

/** What the renderer must be told so that it shows `next` after `before`; "anew" where it has to begin again. */
export function difference(before: RunView | null, next: RunView): RunChange | 'anew' | null {
  if (before === null) return next;
  const now = new Map(next.steps.map(step => [step.id, step]));
  if (before.run !== next.run || before.steps.some(step => !now.has(step.id))) return 'anew';
  const was = new Map(before.steps.map(step => [step.id, step]));
  const change: { [name: string]: unknown } = { version: next.version, run: next.run };
  const told = Object.keys(change).length;
  for (const [name, value] of Object.entries(next)) {
    const old = (before as unknown as { [name: string]: unknown })[name];
    if (name !== 'steps' && !(name in change) && !same(old, value)) change[name] = value;
  }
  const steps = next.steps.filter(step => !same(was.get(step.id), step));
  if (steps.length) change.steps = steps;
  return Object.keys(change).length > told ? (change as unknown as RunChange) : null;
}

function same(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
