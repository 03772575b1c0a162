// The `%%step` line of a cell, word by word with where each stands. It is read for completion and for showing where
// something is; what a line means, and whether it is right, the server says.

export interface Word {
  text: string;
  start: number;
  end: number;
}

export interface StepLine {
  /** Where the line begins and ends in the cell. */
  start: number;
  end: number;
  name: Word | null;
  /** All words behind the magic. */
  words: Word[];
}

const LINE = /^\s*?([ \t]*%%step)(?=\s|$)([^\n]*)/;
const WORD = /"[^"]*"?|'[^']*'?|[^\s"']+/g;

/** Null where the cell does not begin with `%%step`. Empty lines above it do not count. */
export function stepLine(source: string): StepLine | null {
  const found = LINE.exec(source);
  if (found === null) return null;
  const [all, magic = '', rest = ''] = found;
  const start = all.length - rest.length - magic.length;
  const from = all.length - rest.length;
  const words = [...rest.matchAll(WORD)].map(({ 0: text, index }) => ({
    text, start: from + index, end: from + index + text.length
  }));
  const first = words[0];
  return { start, end: all.length, words, name: first && !first.text.startsWith('-') ? first : null };
}

/** The smallest piece of a text that has to change so that it reads as another. */
export interface Change {
  start: number;
  end: number;
  value: string;
}

/** How to get from one text to another; null where they are alike. What stays keeps its place, and so does the cursor. */
export function change(before: string, after: string): Change | null {
  if (before === after) return null;
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start++;
  let tail = 0;
  while (tail < most - start && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return { start, end: before.length - tail, value: after.slice(start, after.length - tail) };
}

/** The source of a cell, by the cell's id. */
export type Sources = readonly { readonly id: string; readonly source: string }[];

/** Whether a notebook still reads as it did: what was worked out from what it said before can be written into it. */
export function readsAlike(before: Sources, now: Sources): boolean {
  return before.length === now.length && before.every((cell, index) => cell.id === now[index]?.id && cell.source === now[index]?.source);
}
