import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completed, OPTIONS } from './completion.js';
import { pipeline, step } from './fakes.js';

const PLAN = pipeline([step('load', [1]), step('clean', [2]), step('fit', [4])], null, {
  artifacts: [
    { name: 'raw', kind: 'variable', step: 'load', cell: 1 },
    { name: 'tidy', kind: 'variable', step: 'clean', cell: 2 },
    { name: 'model', kind: 'variable', step: 'fit', cell: 4 }
  ]
});

/** What is offered where the bar stands. */
function offered(text: string, number = 3): string[] | null {
  const offset = text.indexOf('|');
  const found = completed(text.replace('|', ''), offset, number, PLAN);
  return found && found.items.filter(item => item.kind !== 'option').map(item => item.label);
}

test('inputs are what is made above, outputs what the cell binds, names and --after the steps above', () => {
  assert.deepEqual(offered('%%step x -i |'), ['raw', 'tidy']);
  assert.deepEqual(offered('%%step x -i t|'), ['tidy']);
  assert.deepEqual(offered('%%step x -i raw |'), ['tidy']);
  assert.deepEqual(offered('%%step x -i |', 1), []);
  assert.deepEqual(offered('%%step x -o |\ntop, low = 1, 2\nif top == 1:\n  inner = 2\nrows: list = []\ndef f(): pass'), ['top', 'low', 'rows', 'f']);
  assert.deepEqual(offered('%%step |'), ['load', 'clean']);
  assert.deepEqual(offered('%%step c|'), ['clean']);
  assert.deepEqual(offered('%%step x --after |'), ['load', 'clean']);
});

test('each is offered with what it is there for', () => {
  const uses = (text: string) => completed(text, text.length, 3, PLAN)?.items.filter(item => item.kind !== 'option').map(item => item.use);
  assert.deepEqual(uses('%%step x -i '), [{ madeBy: 'load' }, { madeBy: 'clean' }]);
  assert.deepEqual(uses('%%step c'), ['goes-on']);
  assert.deepEqual(uses('%%step x --after c'), ['done-before']);
  assert.deepEqual(completed('%%step x -o \ntop = 1', 12, 3, PLAN)?.items[0], { label: 'top', kind: 'variable', use: 'bound-below' });
});

test('options are offered behind the name, and what they replace is the word at the cursor', () => {
  assert.deepEqual(completed('%%step x --re', 13, 3, PLAN), {
    start: 9, end: 13,
    items: OPTIONS.filter(([name]) => name.startsWith('--re')).map(([label, use]) => ({ label, kind: 'option', use }))
  });
  assert.equal(completed('%%step x -i raw\ncode', 18, 3, PLAN), null);
  assert.equal(completed('%%ste', 5, 3, PLAN), null);
  assert.equal(completed('plain = 1', 3, 3, PLAN), null);
  assert.ok(completed('%%step x -', 10, 3, null));
});
