import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyOf } from './copies.js';

test('an executed copy is known by its path', () => {
  for (const [path, expected] of [
    ['nbflow_runs/20260101-120000-abcd/flow.ipynb', '20260101-120000-abcd'],
    ['work/project/nbflow_runs/r1/deep/flow.ipynb', 'r1'],
    ['flow.ipynb', null],
    ['nbflow_runs/flow.ipynb', null],
    ['my_nbflow_runs/r1/flow.ipynb', null],
    ['nbflow_runs/r1/report.html', null],
    ['nbflow_runs/Not a run/flow.ipynb', null]
  ] as const) assert.equal(copyOf(path), expected, path);
});
