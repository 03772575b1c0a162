import assert from 'node:assert/strict';
import { test } from 'node:test';
import { change, readsAlike, stepLine } from './stepline.js';

test('a step line is read word by word, with where each stands', () => {
  for (const [source, expected] of [
    ['%%step load -o a\nx = 1', { start: 0, end: 16, name: 'load', words: ['load', '-o', 'a'] }],
    ['\n\n%%step  fit', { start: 2, end: 13, name: 'fit', words: ['fit'] }],
    ['%%step', { start: 0, end: 6, name: null, words: [] }],
    ['%%step -i a', { start: 0, end: 11, name: null, words: ['-i', 'a'] }],
    ['%%step p -o "out dir/x.csv" b', { start: 0, end: 29, name: 'p', words: ['p', '-o', '"out dir/x.csv"', 'b'] }]
  ] as const) {
    const found = stepLine(source);
    assert.deepEqual(found && { start: found.start, end: found.end, name: found.name?.text ?? null, words: found.words.map(w => w.text) }, expected);
    for (const word of found?.words ?? []) assert.equal(source.slice(word.start, word.end), word.text);
  }
  for (const source of ['', 'x = 1', '%%steps a', '%step a', '# %%step a', 'x\n%%step a']) assert.equal(stepLine(source), null);
});

test('only what differs is changed', () => {
  for (const [before, after] of [['abc', 'abXc'], ['aaa', 'aa'], ['', 'new'], ['%%step a -i x', '%%step a -i y'], ['xx', 'xxxx'], ['ab', 'cd']] as const) {
    const found = change(before, after);
    assert.ok(found);
    assert.equal(before.slice(0, found.start) + found.value + before.slice(found.end), after);
  }
  assert.deepEqual(change('%%step a -i x -o y', '%%step a -i x z -o y'), { start: 14, end: 14, value: 'z ' });
  assert.equal(change('same', 'same'), null);
});

test('what was typed, added, removed or moved meanwhile is noticed', () => {
  const [a, b] = [{ id: 'a', source: 'x = 1' }, { id: 'b', source: 'y = x' }];
  assert.equal(readsAlike([a, b], [{ ...a }, { ...b }]), true);
  for (const now of [[a, { ...b, source: 'y = x + 1' }], [a], [a, b, { id: 'c', source: '' }], [b, a]]) assert.equal(readsAlike([a, b], now), false);
});
