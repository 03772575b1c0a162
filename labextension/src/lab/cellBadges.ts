// The badges of one notebook: one element in each cell of a step, and nothing in the others.
//
// A cell's widget is there as long as the cell, also where the notebook draws only what is near; a cell that is moved
// may get a new one. So the badges are put in order whenever the list of cells or what is known changes, which takes
// one look at each cell and touches only what differs. Typing changes neither.

import type { Cell } from '@jupyterlab/cells';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Debouncer } from '@lumino/polling';
import type { IDisposable } from '@lumino/disposable';
import { sign, stateClass } from '../../../nbflow/static/view.js';
import { alike, badges, type Badge } from '../pure/badges.js';
import { button, made } from './dom.js';
import type { Watch } from './watch.js';

const CELL = 'jp-nbflow-cell';

interface Shown {
  badge: Badge;
  node: HTMLElement;
}

export class CellBadges implements IDisposable {
  constructor(
    private readonly watch: Watch,
    private readonly trans: TranslationBundle,
    private readonly act: { runStep: (step: string) => void; select: (step: string) => void },
    private enabled: boolean
  ) {
    watch.changed.connect(this.later, this);
    void watch.panel.context.ready.then(() => {
      watch.panel.content.model?.cells.changed.connect(this.later, this);
      watch.panel.content.modelContentChanged.connect(this.counted, this);
      this.later();
    });
    watch.panel.disposed.connect(() => this.dispose());
  }

  set enable(enabled: boolean) {
    this.enabled = enabled;
    this.later();
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.soon.dispose();
  }

  private later(): void {
    void this.soon.invoke().catch(() => undefined);
  }

  /** A widget that was made anew has no badge yet. */
  private counted(): void {
    const count = this.watch.panel.content.widgets.length;
    if (count !== this.count) this.later();
  }

  private draw(): void {
    if (this.disposed) return;
    const wanted = this.enabled ? badges(this.watch.known) : new Map<string, Badge>();
    const { widgets } = this.watch.panel.content;
    this.count = widgets.length;
    for (const cell of widgets) {
      const badge = wanted.get(cell.model.sharedModel.getId());
      const shown = this.shown.get(cell);
      if (badge === undefined) {
        if (shown) this.remove(cell, shown);
      } else if (!shown) this.add(cell, badge);
      else if (!alike(shown.badge, badge)) this.change(shown, badge);
    }
  }

  private add(cell: Cell, badge: Badge): void {
    const node = made('div', { class: 'nbf-view jp-nbflow-badge' });
    const shown = { badge, node };
    this.fill(shown);
    cell.node.append(node); // last: a cell puts its parts in by their number
    cell.addClass(CELL);
    this.shown.set(cell, shown);
  }

  private change(shown: Shown, badge: Badge): void {
    shown.badge = badge;
    this.fill(shown);
  }

  private remove(cell: Cell, shown: Shown): void {
    shown.node.remove();
    cell.removeClass(CELL);
    this.shown.delete(cell);
  }

  private fill({ badge, node }: Shown): void {
    const { trans } = this;
    const about = [badge.name, badge.label].filter(Boolean).join(': ');
    const title = [`${about}${badge.took ? ` (${badge.took})` : ''}`, badge.reason].filter(Boolean).join('\n');
    const name = button(badge.name, trans.__('Show this step in the pipeline'), () => this.act.select(badge.step), 'jp-nbflow-badge-name');
    const line = made(
      'span', { class: `nbf-step ${stateClass(badge.state || 'waiting')} jp-nbflow-badge-line`, title },
      sign(badge.state), name,
      badge.part ? made('span', { class: 'nbf-quiet' }, trans.__('%1 of %2', badge.part.number, badge.part.all)) : null,
      badge.label ? made('span', { class: 'nbf-state' }, badge.label) : null,
      badge.took ? made('span', { class: 'nbf-quiet' }, badge.took) : null,
      badge.telling && badge.reason ? made('span', { class: 'nbf-quiet jp-nbflow-badge-reason' }, badge.reason) : null
    );
    const run = button('▶', trans.__('Run this step and what it needs'), () => this.act.runStep(badge.step), 'jp-nbflow-badge-run');
    run.setAttribute('aria-label', trans.__('Run step %1', badge.name));
    node.dataset.state = badge.state;
    node.classList.toggle('jp-mod-dim', badge.dim);
    node.replaceChildren(line, ...(badge.runs ? [run] : []));
  }

  private readonly soon = new Debouncer(() => this.draw(), 0);
  private readonly shown = new WeakMap<Cell, Shown>();
  private count = 0;
  private disposed = false;
}
