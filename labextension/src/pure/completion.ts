// What can stand at the cursor in a `%%step` line.

import { stepLine, type Word } from './stepline.js';
import type { Pipeline } from './wire.js';

/** What something is there for. The words for it are the completer's. */
export type Use =
  | 'inputs' | 'outputs' | 'after' | 'retries' | 'retry-delay' | 'timeout' | 'no-cache' | 'resources'
  | 'goes-on' | 'done-before' | 'bound-below';

export interface Item {
  label: string;
  kind: 'option' | 'variable' | 'file' | 'step';
  use: Use | { madeBy: string };
}

export interface Completed {
  start: number;
  end: number;
  items: Item[];
}

/** The options of `%%step`, and what each is for. */
export const OPTIONS: readonly (readonly [string, Use])[] = [
  ['-i', 'inputs'],
  ['-o', 'outputs'],
  ['--in', 'inputs'],
  ['--out', 'outputs'],
  ['--after', 'after'],
  ['--retries', 'retries'],
  ['--retry-delay', 'retry-delay'],
  ['--timeout', 'timeout'],
  ['--no-cache', 'no-cache'],
  ['--resources', 'resources']
];
const ASSIGNS = /^([A-Za-z_]\w*(?:, *[A-Za-z_]\w*)*) *(?::[^=\n]+)?=(?!=)/gm;
const DEFINES = /^(?:async +)?(?:def|class) +([A-Za-z_]\w*)/gm;

/**
 * @param source of the cell
 * @param offset of the cursor
 * @param number of the cell, from 1: what is made above it can be taken
 */
export function completed(source: string, offset: number, number: number, plan: Pipeline | null): Completed | null {
  const line = stepLine(source);
  const magic = line && line.start + '%%step'.length;
  if (line === null || magic === null || offset <= magic || offset > line.end) return null;
  const word = line.words.find(one => one.start <= offset && offset <= one.end) ?? { text: '', start: offset, end: offset };
  const before = line.words.filter(one => one.end < word.start || (one.end <= word.start && one !== word));
  const typed = source.slice(word.start, offset);
  const items = offered(before, typed, source.slice(line.end), number, plan).filter(
    item => item.label.startsWith(typed) && !(item.kind !== 'option' && before.some(one => one.text === item.label && one !== before[0]))
  );
  return items.length ? { start: word.start, end: word.end, items } : null;
}

function offered(before: readonly Word[], typed: string, body: string, number: number, plan: Pipeline | null): Item[] {
  const options = OPTIONS.map(([label, use]): Item => ({ label, kind: 'option', use }));
  const steps = (plan?.steps ?? []).filter(step => (step.cells[0] ?? 0) < number);
  if (typed.startsWith('-')) return before.length ? options : [];
  if (before.length === 0) return steps.map(step => ({ label: step.name, kind: 'step', use: 'goes-on' }));
  const option = [...before].reverse().find(one => one.text.startsWith('-'))?.text;
  if (option === '-i' || option === '--in') {
    const made = (plan?.artifacts ?? []).filter(one => one.cell < number);
    return [...unique(made.map(one => ({ label: one.name, kind: one.kind, use: { madeBy: one.step } }))), ...options];
  }
  if (option === '-o' || option === '--out') {
    return [...unique(bound(body).map(name => ({ label: name, kind: 'variable', use: 'bound-below' }))), ...options];
  }
  if (option === '--after') return [...unique(steps.map(step => ({ label: step.name, kind: 'step', use: 'done-before' }))), ...options];
  return options;
}

/** The names that a cell binds at its left edge: what is written there is what a step makes. */
function bound(body: string): string[] {
  return [...body.matchAll(ASSIGNS), ...body.matchAll(DEFINES)].flatMap(([, names = '']) => names.split(/, */));
}

/** One of each label: the last, which is the nearest maker above. */
function unique(items: readonly Item[]): Item[] {
  return [...new Map(items.map(item => [item.label, item])).values()];
}
