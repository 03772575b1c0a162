// A notebook as it stands in the editor: read for the server without its outputs, and edited so that undo undoes it.

import type { ISharedNotebook, ISharedCell } from '@jupyter/ydoc';
import { change, type Change, type Sources } from '../pure/stepline.js';

export interface Content {
  /** Of all cells, in order. */
  ids: string[];
  /** As nbformat JSON, without outputs: no plan depends on them, and they may be large. */
  notebook: { [name: string]: unknown };
}

export function content(shared: ISharedNotebook): Content {
  const ids: string[] = [];
  const cells = shared.cells.map(cell => {
    ids.push(cell.getId());
    const code = cell.cell_type === 'code' ? { outputs: [], execution_count: null } : {};
    return { id: cell.getId(), cell_type: cell.cell_type, source: cell.getSource(), metadata: cell.getMetadata(), ...code };
  });
  // Formats before 4.5 know no ids of cells; what is sent has some.
  const notebook = { nbformat: 4, nbformat_minor: Math.max(shared.nbformat_minor, 5), metadata: shared.getMetadata(), cells };
  return { ids, notebook };
}

/** What its cells read now. */
export function sources(shared: ISharedNotebook): Sources {
  return shared.cells.map(cell => ({ id: cell.getId(), source: cell.getSource() }));
}

/** Change a cell as if it was typed. */
export function apply(cell: ISharedCell, edit: Change): void {
  cell.updateSource(edit.start, edit.end, edit.value);
}

/** Let cells read so: one step of undo where the notebook has one undo for all cells, else one in each cell. */
export function rewrite(shared: ISharedNotebook, texts: readonly (readonly [ISharedCell, string])[]): void {
  const write = () => {
    for (const [cell, text] of texts) {
      const edit = change(cell.getSource(), text);
      if (edit) apply(cell, edit);
    }
  };
  // A transaction of the notebook would not be seen by the undo of its cells.
  if (shared.disableDocumentWideUndoRedo) write();
  else shared.transact(write);
}
