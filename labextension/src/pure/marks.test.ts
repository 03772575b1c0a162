import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finding } from './fakes.js';
import { byCell, fixedCells, folded, mark } from './marks.js';

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
  const fixed = (source: string) => fixedCells([edit], () => source)?.get(1) ?? null;
  assert.equal(fixed(SOURCE), '%%step fit -i table -o model\nmodel = train(table)');
  assert.equal(fixed(`\n${SOURCE}`), '\n%%step fit -i table -o model\nmodel = train(table)');
  assert.equal(fixed('%%step other'), null);
  assert.equal(fixed(''), null);
});

test('findings are told by cell, and those of the whole pipeline belong to none', () => {
  const [a, b, c] = [finding({ cell: 2 }), finding({ cell: null }), finding({ cell: 2, code: 'other' })];
  assert.deepEqual([...byCell([a, b, c])], [[2, [a, c]]]);
});

test('a fix over two cells is written whole or not at all', () => {
  const edits = [
    { cell: 1, line: 0, old: '%%step make', new: '%%step make -o rows' },
    { cell: 2, line: 0, old: '%%step fit', new: '%%step fit -i rows' },
    { cell: 1, line: 0, old: '-o rows', new: '-o rows n' }
  ];
  const sources = new Map([[1, '%%step make\nrows = 1'], [2, '%%step fit\nrows']]);
  const source = (cell: number) => sources.get(cell) ?? null;
  assert.deepEqual(fixedCells(edits, source), new Map([[1, '%%step make -o rows n\nrows = 1'], [2, '%%step fit -i rows\nrows']]));
  sources.set(2, '%%step suit\nrows');
  assert.equal(fixedCells(edits, source), null, 'one cell reads otherwise');
  sources.delete(2);
  assert.equal(fixedCells(edits, source), null, 'one cell is gone');
});

test('two findings are shown at once, the worst first', () => {
  const severities = ['hint', 'warning', 'error', 'warning', 'error'] as const;
  const all = severities.map((severity, index) => finding({ severity, cell: index }));
  const { shown, more } = folded(all, 2);
  assert.deepEqual([shown.map(one => one.cell), more.map(one => one.cell)], [[2, 4], [1, 3, 0]]);
  assert.deepEqual(folded(all.slice(0, 2), 2).more, []);
});
