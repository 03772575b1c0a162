import assert from 'node:assert/strict';
import { test } from 'node:test';
import { badges } from './badges.js';
import { finding, pipeline, runView, step, stepView } from './fakes.js';
import * as model from './model.js';
import { summary } from './summary.js';

const STEPS = [step('load', [1]), step('fit', [3, 4])];
const CELLS = ['c1', 'c2', 'c3', 'c4'];
const STALE = runView('', 'planned', [stepView('load', 'fresh'), stepView('fit', 'stale', { reason: 'helper clean() changed' })]);
const PLAN = pipeline(STEPS, STALE);
const ROW = { id: 'r1', status: 'running', label: 'running', started: null, seconds: null, counts: {} };

const states = (known: model.Known) => STEPS.map(one => model.standing(known, one.full)?.state);

test('a plan is shown until a run begins, the run until the notebook is edited behind its end', () => {
  let known = model.planned(model.NOTHING, PLAN, CELLS, false);
  assert.deepEqual([states(known), model.isLive(known), summary(known)], [['fresh', 'stale'], false, { kind: 'steps', counts: new Map([['fresh', 1], ['stale', 1]]) }]);
  known = model.listed(known, [ROW]);
  assert.deepEqual([known.run, model.isLive(known), states(known)], ['r1', true, ['fresh', 'stale']]);
  known = model.told(known, 'r1', runView('r1', 'running', [stepView('load', 'reused'), stepView('fit', 'running')]));
  assert.deepEqual([states(known), summary(known)], [['reused', 'running'], { kind: 'run', label: 'running', done: 1, all: 2 }]);
  known = model.planned(known, PLAN, CELLS, true);
  assert.deepEqual(states(known), ['reused', 'running']);
  known = model.told(known, 'r1', { version: 1, run: 'r1', status: 'succeeded', steps: [stepView('fit', 'succeeded')] });
  known = model.planned(known, PLAN, CELLS, false);
  assert.deepEqual([states(known), model.isLive(known)], [['reused', 'succeeded'], false]);
  known = model.planned(known, PLAN, CELLS, true);
  assert.deepEqual([states(known), known.run], [['fresh', 'stale'], null]);
  known = model.listed(model.planned({ ...known, runs: [] }, { ...PLAN, run: 'r1' }, CELLS, false), [ROW]);
  assert.equal(known.run, null, 'late news of a run that is over');
});

test('a run of one step leaves the others as they are planned', () => {
  let known = model.shows(model.planned(model.NOTHING, PLAN, CELLS, false), 'r2', false);
  known = model.told(known, 'r2', runView('r2', 'running', [stepView('load', 'running')]));
  assert.deepEqual(states(known), ['running', 'stale']);
});

test('a run that was chosen from the list is drawn, and the badges stay with the notebook as it is', () => {
  let known = model.shows(model.planned(model.NOTHING, PLAN, CELLS, false), 'old', true);
  known = model.told(known, 'old', runView('old', 'failed', [stepView('load', 'failed')]));
  known = model.planned(known, PLAN, CELLS, true);
  assert.deepEqual([model.shown(known)?.run, states(known)], ['old', ['fresh', 'stale']]);
  known = model.listed(known, [ROW]);
  assert.deepEqual([known.run, known.byHand], ['r1', false]);
});

test('news of another run than is shown are dropped; a run that is over does not come back by itself', () => {
  let known = model.planned(model.NOTHING, PLAN, CELLS, false);
  assert.equal(model.told(known, 'r9', runView('r9', 'running', [])), known);
  known = model.listed(known, [{ ...ROW, status: 'succeeded' }]);
  assert.equal(known.run, null);
});

test('a page that is loaded during a run shows the run that the plan names', () => {
  const known = model.planned(model.NOTHING, { ...PLAN, run: 'r1' }, CELLS, false);
  assert.deepEqual([known.run, model.isLive(known)], ['r1', true]);
});

test('what was reused took no time here', () => {
  const steps = [stepView('a', 'succeeded', { seconds: 2 }), stepView('b', 'reused', { seconds: 0 })];
  const known = model.told(model.shows(model.planned(model.NOTHING, pipeline([step('a', [1]), step('b', [2])], null), ['x', 'y'], false), 'r1', false), 'r1', runView('r1', 'running', steps));
  assert.deepEqual([...badges(known).values()].map(badge => badge.took), ['2.0 s', '']);
});

test('badges stand at the cells of the plan, wherever these are now', () => {
  const known = model.planned(model.NOTHING, PLAN, CELLS, false);
  const found = badges(known);
  assert.deepEqual([...found.keys()], ['c1', 'c3', 'c4']);
  assert.deepEqual(found.get('c4'), {
    step: 'fit', name: 'fit', state: 'stale', label: 'stale', took: '', reason: 'helper clean() changed', telling: true,
    part: { number: 2, all: 2 }, dim: false, runs: true
  });
  assert.equal(model.stepOfCell(known, 'c4')?.name, 'fit');
  assert.equal(model.stepOfCell(known, 'c2'), null);
  assert.equal(model.stepOfCell(known, 'new'), null);
  assert.deepEqual(model.cellsOfStep(known, 'fit'), ['c3', 'c4']);
});

test('in short: what is wrong comes before the states of the steps, and nothing is said where there are none', () => {
  const findings = [finding(), finding({ severity: 'warning' }), finding()];
  const known = model.planned(model.NOTHING, pipeline(STEPS, STALE, { findings }), CELLS, false);
  assert.deepEqual(summary(known), { kind: 'problems', number: 2 });
  assert.equal(summary(model.NOTHING), null);
});

test('a notebook without steps is told from one that could not be read', () => {
  const none = pipeline([], null);
  assert.equal(model.hasNoSteps(model.planned(model.NOTHING, none, CELLS, false)), true);
  assert.equal(model.hasNoSteps(model.NOTHING), false);
  const wrong = { ...none, problem: { message: 'two steps', fix: '' } };
  assert.equal(model.hasNoSteps(model.planned(model.NOTHING, wrong, CELLS, false)), false);
});

test('while a cell is half typed, the pipeline stands as it was, and nothing of it can be run', () => {
  const view = { ...STALE, actions: ['run'], steps: STALE.steps.map(one => ({ ...one, actions: ['only', 'jump'] })) };
  const whole = pipeline(STEPS, view);
  const halved = pipeline([step('fit', [4, 5]), step('new', [6])], null, { problem: { message: 'The check found 1 error.', fix: '' } });
  const ids = ['c0', ...CELLS, 'c5'];
  let known = model.planned(model.planned(model.NOTHING, whole, CELLS, false), halved, ids, true);
  assert.deepEqual([states(known), model.isKept(known)], [['fresh', 'stale'], true]);
  assert.deepEqual(model.shown(known)?.steps.map(one => one.actions), [['jump'], ['jump']]);
  assert.deepEqual(model.shown(known)?.actions, []);
  const found = [...badges(known)].map(([id, one]) => [id, one.name, one.state, one.dim, one.runs]);
  assert.deepEqual(found.sort(), [
    ['c1', 'load', 'fresh', true, false], ['c3', 'fit', 'stale', true, false], ['c4', 'fit', 'stale', true, false], ['c5', 'new', '', true, false]
  ]);
  assert.deepEqual([model.stepOfCell(known, 'c3')?.name, model.cellsOfStep(known, 'load')], ['fit', ['c1']]);
  known = model.planned(known, whole, CELLS, true);
  assert.deepEqual([model.isKept(known), model.shown(known)?.actions, badges(known).get('c1')?.runs], [false, ['run'], true]);
  known = model.planned(known, pipeline([], null), CELLS, true);
  assert.deepEqual([model.shown(known), badges(known).size], [null, 0], 'there are no steps any more');
  known = model.planned(model.NOTHING, halved, ids, false);
  assert.deepEqual([model.shown(known), model.isKept(known)], [null, false], 'nothing was drawn before');
});

test('a run that goes on is drawn as it is, also while a cell is half typed', () => {
  const halved = pipeline(STEPS, null, { problem: { message: 'The check found 1 error.', fix: '' } });
  let known = model.shows(model.planned(model.NOTHING, PLAN, CELLS, false), 'r1', false);
  known = model.planned(model.told(known, 'r1', runView('r1', 'running', [stepView('load', 'running')])), halved, CELLS, true);
  assert.deepEqual([model.shown(known)?.run, badges(known).get('c1')?.dim, badges(known).get('c3')?.dim], ['r1', false, true]);
});

test('a step that waits or runs in a run is not run again from its badge', () => {
  const runs = (known: model.Known) => ['c1', 'c3'].map(id => badges(known).get(id)?.runs);
  let known = model.shows(model.planned(model.NOTHING, PLAN, CELLS, false), 'r1', false);
  const steps = [stepView('load', 'running'), stepView('fit', 'waiting')];
  known = model.told(known, 'r1', runView('r1', 'running', steps));
  assert.deepEqual(runs(known), [false, false]);
  known = model.told(known, 'r1', { version: 1, run: 'r1', steps: [stepView('load', 'succeeded')] });
  assert.deepEqual(runs(known), [true, false]);
  known = model.told(known, 'r1', { version: 1, run: 'r1', status: 'cancelled' });
  assert.deepEqual(runs(known), [true, true]);
});

test('what the check says of a step is told without its codes', () => {
  const findings = ['x', 'y'].map(name => finding({ code: 'no-maker', step: 'fit', message: `No step makes '${name}'.` }));
  const error = findings.map(one => `${one.code}: ${one.message}`).join('; ');
  const view = runView('', 'planned', [stepView('load', 'fresh'), stepView('fit', 'failed', { label: 'invalid', error, reason: error })]);
  const known = model.planned(model.NOTHING, pipeline(STEPS, view, { findings }), CELLS, false);
  assert.equal(badges(known).get('c3')?.reason, "No step makes 'x'. No step makes 'y'.");
});

test('the line of a run never says that it goes on when its head says that it is over', () => {
  const view = runView('r1', 'cancelled', [], { seconds: 3 });
  const known = model.told(model.shows(model.listed(model.NOTHING, [ROW]), 'r1', false), 'r1', view);
  assert.deepEqual(model.rowOf(known, ROW), { ...ROW, status: 'cancelled', label: 'cancelled', seconds: 3 });
  assert.equal(model.rowOf(known, { ...ROW, id: 'r0' }).label, 'running');
});
