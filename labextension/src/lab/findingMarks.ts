// Findings in the editors of cells: a squiggle under the line, and on hover what is wrong with the fix as a button.
//
// Editors come and go while a notebook is scrolled, so the findings are kept by cell, and each editor takes them when
// it is made and is told when they change.

import { StateEffect, StateField, type Extension } from '@codemirror/state';
import { Decoration, EditorView, ViewPlugin, hoverTooltip, type DecorationSet, type Tooltip } from '@codemirror/view';
import type { TranslationBundle } from '@jupyterlab/translation';
import { stateClass } from '../../../nbflow/static/view.js';
import { mark, written, type Mark } from '../pure/marks.js';
import type { Finding } from '../pure/wire.js';
import { button, made } from './dom.js';

const STATES = { error: 'failed', warning: 'stale', hint: 'waiting' } as const;

/** What a cell is known by: its shared model. */
type CellKey = object;

export interface CellFindings {
  findings: readonly Finding[];
  fix: (finding: Finding) => void;
}

const told = StateEffect.define<CellFindings | null>();

export class FindingMarks {
  constructor(private readonly trans: TranslationBundle) {}

  /** Say what is wrong with a cell; null: nothing. */
  put(cell: CellKey, found: CellFindings | null): void {
    const before = JSON.stringify(this.known.get(cell)?.findings ?? []);
    if (found === null) this.known.delete(cell);
    else this.known.set(cell, found);
    if (before === JSON.stringify(found?.findings ?? [])) return;
    for (const view of this.views.get(cell) ?? []) view.dispatch({ effects: told.of(found) });
  }

  /** What shows them in the editor of a cell. */
  extension(cell: CellKey): Extension {
    const { known, views } = this;
    const field = StateField.define<{ found: CellFindings | null; marks: Mark[]; drawn: DecorationSet }>({
      create: state => drawn(known.get(cell) ?? null, state.doc.toString()),
      update: (value, transaction) => {
        for (const effect of transaction.effects) if (effect.is(told)) return drawn(effect.value, transaction.newDoc.toString());
        return transaction.docChanged ? drawn(value.found, transaction.newDoc.toString()) : value;
      },
      provide: self => EditorView.decorations.from(self, value => value.drawn)
    });
    const present = ViewPlugin.define(view => {
      const there = views.get(cell) ?? new Set();
      views.set(cell, there.add(view));
      return { destroy: () => void there.delete(view) };
    });
    const hover = hoverTooltip((view, position) => {
      const { marks, found } = view.state.field(field);
      const here = marks.filter(one => one.start <= position && position <= one.end);
      return found && here.length ? this.tooltip(here, found) : null;
    });
    return [field, present, hover];
  }

  private tooltip(marks: readonly Mark[], found: CellFindings): Tooltip {
    const [first] = marks;
    return {
      pos: first?.start ?? 0,
      end: Math.max(...marks.map(one => one.end)),
      above: true,
      create: view => ({ dom: made('div', { class: 'nbf-view jp-nbflow-tooltip' }, ...marks.map(one => this.line(one.finding, found, view))) })
    };
  }

  private line(finding: Finding, found: CellFindings, view: EditorView): HTMLElement {
    const fix = finding.edits.length === 0 ? null : button(this.trans.__('Fix'), written(finding), () => {
      found.fix(finding);
      view.focus();
    });
    return made(
      'div', { class: `nbf-step ${stateClass(STATES[finding.severity])}` },
      made('p', {}, finding.message), finding.fix ? made('p', { class: 'nbf-quiet' }, finding.fix) : null, fix
    );
  }

  private readonly known = new WeakMap<CellKey, CellFindings>();
  private readonly views = new WeakMap<CellKey, Set<EditorView>>();
}

function drawn(found: CellFindings | null, source: string) {
  const marks = (found?.findings ?? []).map(finding => mark(source, finding)).filter(one => one.end > one.start);
  const decorations = marks.map(one =>
    Decoration.mark({ class: `jp-nbflow-mark jp-mod-${one.finding.severity}` }).range(one.start, one.end)
  );
  return { found, marks, drawn: Decoration.set(decorations, true) };
}
