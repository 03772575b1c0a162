import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canBeName } from './names.js';

test('a step may have a hyphen in its name, a variable may not', () => {
  for (const [name, step, artifact] of [
    ['tidy', true, true], ['_x1', true, true], ['fit-model', true, false], ['größe', false, true],
    ['', false, false], ['2nd', false, false], ['a b', false, false], ['a.b', false, false], ['x'.repeat(101), false, true]
  ] as const) assert.deepEqual([canBeName('step', name), canBeName('artifact', name)], [step, artifact], name);
});
