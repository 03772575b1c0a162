import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finding } from './fakes.js';
import { byCell, fixing, mark } from './marks.js';

const SOURCE = '%%step fit -o model\nmodel = train(table)';

test('the step line is underlined, or the line that the fix changes, or the first', () => {
  const text = (source: string, one = finding()) => {
    const found = mark(source, one);
    return source.slice(found.start, found.end);
  };
  assert.equal(text(SOURCE), '%%step fit -o model');
  assert.equal(text('x = 1\ny = 2'), 'x = 1');
  assert.equal(text('\n\nx = 1'), 'x = 1');
  assert.equal(text('x = 1\ny = 2', finding({ edits: [{ cell: 1, line: 1, old: 'y = 2', new: 'y = 3' }] })), 'y = 2');
});

test('a fix changes what it names, also where the line has moved, and nothing where it is gone', () => {
  const edit = { cell: 1, line: 0, old: '%%step fit -o model', new: '%%step fit -i table -o model' };
  const fixed = (source: string) => {
    const found = fixing(source, edit);
    return found && source.slice(0, found.start) + found.value + source.slice(found.end);
  };
  assert.equal(fixed(SOURCE), '%%step fit -i table -o model\nmodel = train(table)');
  assert.equal(fixed(`\n${SOURCE}`), '\n%%step fit -i table -o model\nmodel = train(table)');
  assert.equal(fixed('%%step other'), null);
  assert.equal(fixed(''), null);
});

test('findings are told by cell, and those of the whole pipeline belong to none', () => {
  const [a, b, c] = [finding({ cell: 2 }), finding({ cell: null }), finding({ cell: 2, code: 'other' })];
  assert.deepEqual([...byCell([a, b, c])], [[2, [a, c]]]);
});
