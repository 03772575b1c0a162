// What stands above the cells of steps, cell by cell.

import { duration } from '../../../nbflow/static/view.js';
import { drawn, isKept, isLive, standing, type Known } from './model.js';
import type { StepHere, StepView } from './wire.js';

export interface Badge {
  /** The step's full name. */
  step: string;
  name: string;
  /** "stale", "running"; empty while nothing is known. */
  state: string;
  label: string;
  /** "1.2 s", or empty. */
  took: string;
  /** In one line why it would run or how it ended. */
  reason: string;
  /** Whether that is worth a look: not where all is well, or where the label says it already. */
  telling: boolean;
  /** Which of its cells it stands at, where a step spans several. */
  part: { number: number; all: number } | null;
  /** It says how the step stood when the pipeline could last be decided. */
  dim: boolean;
  /** Whether the step can be run from here: not where it waits or runs already, nor where nothing is known of it. */
  runs: boolean;
}

const BUSY = new Set(['waiting', 'starting', 'running', 'stopping', 'retrying']);
const QUIET = new Set(['fresh', 'reused', 'succeeded', 'no result', 'starting', 'running']);

/** The badge of each cell that belongs to a step, by the cell's id. */
export function badges(known: Known): Map<string, Badge> {
  const found = new Map<string, Badge>();
  const put = (step: StepHere, cells: readonly string[]) =>
    step.cells.forEach((number, index) => {
      const id = cells[number - 1];
      if (id !== undefined) found.set(id, badge(known, step, index));
    });
  const { steps, cells } = drawn(known);
  if (isKept(known)) for (const step of known.plan?.steps ?? []) put(step, known.cells); // what has been typed since
  for (const step of steps) put(step, cells);
  return found;
}

function badge(known: Known, step: StepHere, index: number): Badge {
  const view = standing(known, step.full);
  const inRun = known.byHand ? undefined : known.view?.steps.find(one => one.id === step.full);
  const isBusy = isLive(known) && inRun !== undefined && BUSY.has(inRun.state);
  return {
    step: step.full,
    name: step.name,
    state: view?.state ?? '',
    label: view?.label ?? '',
    took: view?.seconds == null || view.state === 'reused' ? '' : duration(view.seconds),
    reason: view ? reason(known, step, view) : '',
    telling: view !== null && !QUIET.has(view.state),
    part: step.cells.length > 1 ? { number: index + 1, all: step.cells.length } : null,
    dim: isKept(known) && inRun === undefined,
    runs: !isKept(known) && !isBusy
  };
}

/** What the check says of a step is told without its codes: several findings have the same. */
function reason(known: Known, step: StepHere, view: StepView): string {
  const findings = known.plan?.findings.filter(one => one.severity === 'error' && one.step === step.name) ?? [];
  const isOfCheck = findings.some(one => view.error.includes(`${one.code}: ${one.message}`));
  return isOfCheck ? [...new Set(findings.map(one => one.message))].join(' ') : view.error || view.reason;
}

/** Whether two badges look alike. */
export function alike(one: Badge | undefined, other: Badge): boolean {
  return one !== undefined && JSON.stringify(one) === JSON.stringify(other);
}
