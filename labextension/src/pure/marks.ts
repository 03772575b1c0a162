// Where in a cell a finding is shown, and what its fix changes there.

import { stepLine } from './stepline.js';
import type { Edit, Finding, Severity } from './wire.js';

export interface Mark {
  start: number;
  end: number;
  finding: Finding;
}

/** The place of an edit's old text, null where the cell no longer reads so. */
export function place(source: string, edit: Edit): { start: number; end: number } | null {
  const lines = source.split('\n');
  const at = lines.slice(0, edit.line).reduce((sum, line) => sum + line.length + 1, 0);
  const within = edit.old === '' ? 0 : (lines[edit.line] ?? '').indexOf(edit.old);
  if (within >= 0 && edit.line >= 0 && edit.line < lines.length) return { start: at + within, end: at + within + edit.old.length };
  const anywhere = edit.old === '' ? -1 : source.indexOf(edit.old);
  return anywhere < 0 ? null : { start: anywhere, end: anywhere + edit.old.length };
}

/**
 * How the cells read when a fix is written, by number; null where one of them no longer reads as the fix expects: half a
 * fix would be worse than none.
 * @param source of a cell; null: it is gone
 */
export function fixedCells(edits: readonly Edit[], source: (cell: number) => string | null): Map<number, string> | null {
  const found = new Map<number, string>();
  for (const edit of edits) {
    const text = found.get(edit.cell) ?? source(edit.cell);
    const at = text === null ? null : place(text, edit);
    if (text === null || at === null) return null;
    found.set(edit.cell, text.slice(0, at.start) + edit.new + text.slice(at.end));
  }
  return found;
}

/** What to underline: the `%%step` line, else the line that the fix changes, else the first line. */
export function mark(source: string, finding: Finding): Mark {
  const line = stepLine(source);
  if (line) return { start: line.start, end: line.end, finding };
  const edit = finding.edits.find(one => one.cell === finding.cell);
  const edited = edit && place(source, edit);
  const start = edited ? edited.start : source.length - source.trimStart().length;
  const end = source.indexOf('\n', start);
  return { start, end: end < 0 ? source.length : end, finding };
}

/** The findings of each cell, by its number. */
export function byCell(findings: readonly Finding[]): Map<number, Finding[]> {
  const found = new Map<number, Finding[]>();
  for (const one of findings) {
    if (one.cell === null) continue;
    const there = found.get(one.cell);
    if (there) there.push(one);
    else found.set(one.cell, [one]);
  }
  return found;
}

/** What a fix writes, for a tooltip. */
export function written(finding: Finding): string {
  return finding.edits.map(edit => edit.new).join('\n');
}

const ORDER: readonly Severity[] = ['error', 'warning', 'hint'];

/** What is shown at once, and what on demand: the worst come first, else as they stand in the notebook. */
export function folded(findings: readonly Finding[], most: number): { shown: Finding[]; more: Finding[] } {
  const all = [...findings].sort((one, other) => ORDER.indexOf(one.severity) - ORDER.indexOf(other.severity));
  return { shown: all.slice(0, most), more: all.slice(most) };
}
