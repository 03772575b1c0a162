// What stands above the cells of steps, cell by cell.

import { duration } from '../../../nbflow/static/view.js';
import { standing, type Known } from './model.js';

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
  /** "2 of 3" where a step spans cells. */
  part: string;
}

const QUIET = new Set(['fresh', 'reused', 'succeeded', 'no result', 'starting', 'running']);

/** The badge of each cell that belongs to a step, by the cell's id. */
export function badges(known: Known): Map<string, Badge> {
  const found = new Map<string, Badge>();
  for (const step of known.plan?.steps ?? []) {
    const view = standing(known, step.full);
    step.cells.forEach((number, index) => {
      const id = known.cells[number - 1];
      if (id === undefined) return;
      found.set(id, {
        step: step.full,
        name: step.name,
        state: view?.state ?? '',
        label: view?.label ?? '',
        took: view?.seconds == null || view.state === 'reused' ? '' : duration(view.seconds),
        reason: view ? view.error || view.reason : '',
        telling: view !== null && !QUIET.has(view.state),
        part: step.cells.length > 1 ? `${index + 1} of ${step.cells.length}` : ''
      });
    });
  }
  return found;
}

/** Whether two badges look alike. */
export function alike(one: Badge | undefined, other: Badge): boolean {
  return one !== undefined && JSON.stringify(one) === JSON.stringify(other);
}
