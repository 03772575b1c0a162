import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runView, stepView } from './fakes.js';
import { difference, merged } from './views.js';

const GRAPH = { svg: '<svg/>', elements: {}, note: '' };

test('a change is laid over the view before, and another run begins anew', () => {
  const first = runView('r', 'running', [stepView('a', 'running'), stepView('b', 'waiting')], { graph: GRAPH });
  const next = merged(first, { version: 1, run: 'r', label: 'stopping', steps: [stepView('b', 'cancelled')] });
  assert.deepEqual([next.label, next.graph, next.steps.map(one => one.state)], ['stopping', GRAPH, ['running', 'cancelled']]);
  assert.equal(merged(first, runView('s', 'running', [])).steps.length, 0);
});

test('the renderer is told what differs', () => {
  const first = runView('r', 'running', [stepView('a', 'running'), stepView('b', 'waiting')], { graph: GRAPH });
  const next = runView('r', 'running', [stepView('a', 'running'), stepView('b', 'running')], { graph: { ...GRAPH }, seconds: 2 });
  assert.deepEqual(difference(first, next), { version: 1, run: 'r', seconds: 2, steps: [stepView('b', 'running')] });
  assert.equal(difference(next, next), null);
  assert.equal(difference(null, next), next);
  assert.equal(difference(first, runView('r', 'running', [stepView('a', 'running')])), 'anew');
  assert.equal(difference(first, runView('s', 'running', first.steps)), 'anew');
});
