import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runView, stepView } from './fakes.js';
import * as model from './model.js';
import { NOTHING_SAID, still } from './said.js';

const run = (id: string, status: string) =>
  model.told(model.shows(model.NOTHING, id, false), id, runView(id, status, [stepView('a', status)]));

test('what is said of a run is over with it, and not said of the next', () => {
  const said = { text: 'Run r1 is asked to stop.', ofRun: true, during: 'r1' };
  assert.equal(still(said, run('r1', 'running')), said);
  assert.equal(still(said, run('r1', 'cancelled')), NOTHING_SAID);
  assert.equal(still(said, run('r2', 'running')), NOTHING_SAID);
  assert.equal(still(said, model.NOTHING), NOTHING_SAID, 'another notebook, or the plan');
  assert.equal(still({ ...said, during: null }, model.NOTHING), NOTHING_SAID, 'it was over when it was asked for');
});

test('whatever else is said is over when a run begins', () => {
  const said = { text: 'The cell is not there.', ofRun: false, during: null };
  assert.equal(still(said, model.NOTHING), said);
  assert.equal(still(said, run('r1', 'failed')), said);
  assert.equal(still(said, run('r1', 'running')), NOTHING_SAID);
  assert.equal(still({ ...said, during: 'r1' }, run('r1', 'running')).text, said.text);
});
