// Going to a cell, and the cells of steps among those of a notebook.

import type { Cell } from '@jupyterlab/cells';
import type { Watch } from './watch.js';
import { cellsOfStep, stepOfCell } from '../pure/model.js';
import type { StepHere } from '../pure/wire.js';

/** The widget of a cell by its id. Every cell has one, also where a notebook draws only those that are near. */
export function widgetOf(watch: Watch, id: string): { cell: Cell; index: number } | null {
  const index = watch.panel.content.widgets.findIndex(one => one.model.sharedModel.getId() === id);
  const cell = watch.panel.content.widgets[index];
  return cell ? { cell, index } : null;
}

/** Select a cell and let it be seen. Whether it is there. */
export async function goTo(watch: Watch, id: string): Promise<boolean> {
  const found = widgetOf(watch, id);
  if (!found) return false;
  const notebook = watch.panel.content;
  notebook.deselectAll();
  notebook.activeCellIndex = found.index;
  await notebook.scrollToItem(found.index, 'smart').catch(() => undefined);
  return true;
}

/** Select the first cell of a step. Whether this notebook has it. */
export function goToStep(watch: Watch, full: string): Promise<boolean> {
  const [id] = cellsOfStep(watch.known, full);
  return id === undefined ? Promise.resolve(false) : goTo(watch, id);
}

/** The step of the cell that is worked in. */
export function activeStep(watch: Watch): StepHere | null {
  const cell = watch.panel.content.activeCell;
  return cell && stepOfCell(watch.known, cell.model.sharedModel.getId());
}
