// What is known of one notebook, as a value: the plan of its content, its runs, and the run that is followed. Each
// function takes what was known and a piece of news, and gives what is known then. Nothing here asks, waits or draws.

import { goesOn, type Pipeline, type Problem, type RunChange, type RunRow, type RunView, type StepHere, type StepView } from './wire.js';
import { merged } from './views.js';

export interface Known {
  /** The newest plan, and the ids of the cells when it was asked for. */
  readonly plan: Pipeline | null;
  readonly cells: readonly string[];
  /** The last pipeline that could be decided: kept while a cell is half typed and none can be. */
  readonly last: Drawn | null;
  /** Why the server could not be asked. */
  readonly trouble: Problem | null;
  /** Newest first. */
  readonly runs: readonly RunRow[];
  /** The run that is shown instead of the plan, and whether a person chose it from the list. */
  readonly run: string | null;
  readonly byHand: boolean;
  /** Of that run, as far as it has been told. */
  readonly view: RunView | null;
  /** Runs that have been seen to end: older news that they go on, which may still come, is wrong. */
  readonly over: readonly string[];
}

/** A pipeline that can be drawn, and the ids of the cells that its steps count. */
export interface Drawn {
  readonly view: RunView | null;
  readonly steps: readonly StepHere[];
  readonly cells: readonly string[];
}

export const NOTHING: Known = {
  plan: null, cells: [], last: null, trouble: null, runs: [], run: null, byHand: false, view: null, over: []
};

/** A plan has come. `edited`: the content is not that of the plan before, so that a run that is over is no news any more. */
export function planned(known: Known, plan: Pipeline, cells: readonly string[], edited: boolean): Known {
  const next = { ...known, plan, cells, trouble: null, last: lastDrawn(known, plan, cells) };
  if (plan.run !== null && plan.run !== known.run && !known.byHand && !known.over.includes(plan.run)) return shows(next, plan.run, false);
  const over = known.view !== null && !goesOn(known.view.status);
  return edited && over && !known.byHand ? shows(next, null, false) : next;
}

/** What is kept of a plan. Nothing in it can be run: by then it is not what the notebook says now. */
function lastDrawn(known: Known, plan: Pipeline, cells: readonly string[]): Drawn | null {
  if (plan.view === null) return plan.problem === null ? null : known.last;
  const steps = plan.view.steps.map(step => ({ ...step, actions: step.actions.filter(action => action === 'jump') }));
  return { view: { ...plan.view, actions: [], steps }, steps: plan.steps, cells };
}

/** Whether nothing can be decided now, and what could be decided before stands in its place. */
export function isKept(known: Known): boolean {
  return known.plan !== null && known.plan.view === null && known.plan.problem !== null && known.last !== null;
}

/** The pipeline of the notebook: as it is, or as it was when it could last be decided. */
export function drawn(known: Known): Drawn {
  if (known.last !== null && isKept(known)) return known.last;
  return { view: known.plan?.view ?? null, steps: known.plan?.steps ?? [], cells: known.cells };
}

/** The list of runs has come. A run that has begun meanwhile is shown. */
export function listed(known: Known, runs: readonly RunRow[]): Known {
  const before = new Map(known.runs.map(run => [run.id, run.status]));
  const live = runs.find(run => goesOn(run.status) && !known.over.includes(run.id));
  const next = { ...known, runs };
  const begun = live !== undefined && !goesOn(before.get(live.id) ?? '');
  return begun && live.id !== known.run ? shows(next, live.id, false) : next;
}

/** A run was asked for here, or chosen from the list; null: the plan. */
export function shows(known: Known, run: string | null, byHand: boolean): Known {
  return run === known.run ? { ...known, byHand } : { ...known, run, byHand, view: null };
}

/** News of a run. That of another one than is shown is dropped. */
export function told(known: Known, run: string, change: RunChange): Known {
  if (run !== known.run) return known;
  const view = merged(known.view, change);
  const ends = !goesOn(view.status) && !known.over.includes(run);
  return { ...known, view, over: ends ? [...known.over, run] : known.over };
}

/** Asking has failed. */
export function troubled(known: Known, trouble: Problem): Known {
  return { ...known, trouble };
}

/** What the panel draws: the run as soon as it is told, else the plan. */
export function shown(known: Known): RunView | null {
  return known.view ?? drawn(known).view;
}

/** Whether a run of this notebook goes on. */
export function isLive(known: Known): boolean {
  return known.view !== null ? goesOn(known.view.status) : known.run !== null && !known.byHand;
}

/** The run of this notebook that goes on. */
export function liveRun(known: Known): string | null {
  return isLive(known) ? known.run : null;
}

/** The line of a run in the list, never older than what is drawn of it. */
export function rowOf(known: Known, row: RunRow): RunRow {
  const { view } = known;
  if (view === null || view.run !== row.id) return row;
  return { ...row, status: view.status, label: view.label, seconds: goesOn(view.status) ? row.seconds : view.seconds };
}

/** How a step stands now: in the run that goes on or has just ended, else in the plan. */
export function standing(known: Known, full: string): StepView | null {
  const find = (view: RunView | null | undefined) => view?.steps.find(step => step.id === full) ?? null;
  return (known.byHand ? null : find(known.view)) ?? find(drawn(known).view);
}

/** The step that a cell belongs to. */
export function stepOfCell(known: Known, id: string): StepHere | null {
  const { steps, cells } = drawn(known);
  const number = cells.indexOf(id) + 1;
  return (number > 0 && steps.find(step => step.cells.includes(number))) || null;
}

/** The ids of the cells of a step. */
export function cellsOfStep(known: Known, full: string): string[] {
  const { steps, cells } = drawn(known);
  const numbers = steps.find(step => step.full === full)?.cells ?? [];
  return numbers.map(number => cells[number - 1]).filter(id => id !== undefined);
}

/** Whether it is known that no cell of this notebook is a step. */
export function hasNoSteps(known: Known): boolean {
  return known.plan !== null && known.plan.steps.length === 0 && known.plan.view === null && known.plan.problem === null &&
    known.view === null && known.plan.findings.length === 0;
}

/** How many of this notebook's steps are in each state. */
export function counts(known: Known): Map<string, number> {
  const found = new Map<string, number>();
  for (const step of drawn(known).steps) {
    const state = standing(known, step.full)?.state;
    if (state !== undefined) found.set(state, (found.get(state) ?? 0) + 1);
  }
  return found;
}
