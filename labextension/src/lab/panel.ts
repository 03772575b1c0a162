// The Pipeline panel: the renderer that the notebook's widget and the report have, and around it what belongs to an
// open notebook: what is wrong with it, its runs, and where their reports are.

import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import { mount, sign, stateClass, duration, type Drawing } from '../../../nbflow/static/view.js';
import { hasNoSteps, isKept, isLive, NOTHING, rowOf, shown, type Known } from '../pure/model.js';
import { folded, written } from '../pure/marks.js';
import { NOTHING_SAID, still, type Said } from '../pure/said.js';
import { difference } from '../pure/views.js';
import type { Finding, RunFiles, RunRow, RunView } from '../pure/wire.js';
import { button, made } from './dom.js';
import { isCopyText } from './words.js';

/** What the panel asks for. It has no effect of its own. */
export interface Asks {
  action(action: string, step: string | null): void;
  select(step: string): void;
  show(run: string | null): void;
  open(path: string, kind: 'report' | 'notebook'): void;
  fix(finding: Finding): void;
  goTo(cell: number): void;
  makeStep(): void;
}

/** That are shown at once: the pipeline should be seen below them. */
const MOST_FINDINGS = 2;

const SEVERITY: { [severity: string]: string } = { error: 'failed', warning: 'stale', hint: 'waiting' };

export class PipelinePanel extends Widget {
  constructor(private readonly trans: TranslationBundle, private readonly asks: Asks) {
    super();
    this.addClass('jp-nbflow-panel');
    this.node.tabIndex = -1;
    this.node.append(this.notice, this.empty, this.findings, this.host, this.files, this.runs);
    this.showNothing();
  }

  /** No notebook is in front. */
  showNothing(): void {
    this.forget();
    this.showFindings([]);
    this.showFiles(null);
    this.showRuns(NOTHING);
    this.tell(NOTHING_SAID, NOTHING);
    this.explain(made('p', {}, this.trans.__('Open a notebook to see its pipeline.')));
  }

  /** The executed copy of a run is in front. */
  showCopy(run: string): void {
    this.sayOnly(isCopyText(this.trans, run));
  }

  showUnreadable(): void {
    this.sayOnly(this.trans.__('This notebook could not be read.'));
  }

  private sayOnly(text: string): void {
    if (this.empty.textContent === text) return;
    this.showNothing();
    this.explain(made('p', {}, text));
  }

  showKnown(known: Known): void {
    const view = shown(known);
    this.say(known);
    if (view === null) this.forget();
    else this.draw(view);
    this.host.classList.toggle('jp-mod-dim', known.view === null && isKept(known));
    if (hasNoSteps(known)) this.explainSteps();
    else if (known.plan === null && known.trouble === null) this.explain(made('p', { class: 'nbf-quiet' }, this.trans.__('Reading the notebook …')));
    else this.explain();
    this.showFindings(known.plan?.findings ?? []);
    this.showRuns(known);
  }

  /** The files of the run that is shown. */
  showFiles(files: RunFiles | null): void {
    const { trans } = this;
    const links = [
      files?.report ? this.link(trans.__('Open report'), files.report, 'report') : null,
      files?.executed ? this.link(trans.__('Open executed notebook'), files.executed, 'notebook') : null
    ].filter(link => link !== null);
    this.files.replaceChildren(...links);
  }

  /** Mark the node of a step, without going to its cell. */
  mark(step: string | null): void {
    if (step === this.marked) return;
    this.marked = step;
    if (!this.drawing || step === this.chosen) return;
    this.quietly(() => this.drawing?.select(step));
  }

  /** One line about what was asked for, as long as it is of use. */
  tell(said: Said, known: Known): void {
    this.said = said;
    this.say(known);
  }

  override dispose(): void {
    this.forget();
    super.dispose();
  }

  private say(known: Known): void {
    const problem = known.trouble ?? known.plan?.problem;
    this.said = still(this.said, known);
    const text = problem ? [problem.message, problem.fix].filter(Boolean).join('\n') : this.said.text;
    if (this.notice.textContent !== text) this.notice.textContent = text;
    this.notice.classList.toggle('jp-mod-wrong', Boolean(problem));
  }

  private draw(view: RunView): void {
    const change = difference(this.drawn, view);
    this.drawn = view;
    if (change === null) return;
    const anew = change === 'anew' || this.drawing === null;
    const kept = this.chosen ?? this.marked;
    if (anew) {
      this.drawing?.destroy();
      this.drawing = mount(this.host, {
        actions: ['run', 'cancel', 'retry', 'only', 'jump'],
        onAction: (action, step) => this.asks.action(action, step),
        onSelect: step => this.selected(step)
      });
      this.chosen = null;
    }
    this.quietly(() => {
      this.drawing?.update(anew ? view : change);
      if (anew && kept !== null) this.drawing?.select(kept);
    });
  }

  private selected(step: string | null): void {
    this.chosen = step;
    if (step !== null && !this.quiet) this.asks.select(step);
  }

  private quietly(work: () => void): void {
    this.quiet = true;
    try {
      work();
    } finally {
      this.quiet = false;
    }
  }

  private forget(): void {
    this.drawing?.destroy();
    this.drawing = null;
    this.drawn = null;
    this.chosen = null;
  }

  private explain(...nodes: Node[]): void {
    this.explained = '';
    this.empty.replaceChildren(...nodes);
  }

  private explainSteps(): void {
    if (this.explained === 'steps') return;
    const { trans } = this;
    const example = made('code', {}, '%%step clean -i raw -o tidy');
    this.explain(
      made('h3', {}, trans.__('No steps yet')),
      made('p', {}, trans.__('A cell whose first line is'), ' ', example, ' ', trans.__('is a step: it takes raw and makes tidy.')),
      made('p', {}, trans.__('Steps run as a pipeline: in clean kernels, side by side, and only where something has changed.')),
      button(trans.__('Make the selected cell a step'), trans.__('Writes a %1 line that fits the cell; undo takes it back', '%%step'), () => this.asks.makeStep(), 'jp-nbflow-main')
    );
    this.explained = 'steps';
  }

  private showFindings(findings: readonly Finding[]): void {
    const text = JSON.stringify(findings);
    if (text === this.findingsShown) return;
    this.findingsShown = text;
    const { shown: first, more } = folded(findings, MOST_FINDINGS);
    const isOpen = this.findings.querySelector('details')?.open === true;
    const rest = made('summary', {}, this.trans._n('%1 more', '%1 more', more.length));
    const folds = more.length ? [made('details', isOpen ? { open: '' } : {}, rest, ...more.map(one => this.finding(one)))] : [];
    this.findings.replaceChildren(...first.map(one => this.finding(one)), ...folds);
  }

  private finding(one: Finding): HTMLElement {
    const { trans } = this;
    const { cell } = one;
    const where = cell === null ? null : button(trans.__('Cell %1', cell), trans.__('Go to the cell'), () => this.asks.goTo(cell), 'jp-nbflow-link');
    const fix = one.edits.length === 0 ? null : button(trans.__('Fix'), written(one), () => this.asks.fix(one));
    return made(
      'div', { class: `jp-nbflow-finding nbf-step ${stateClass(SEVERITY[one.severity] ?? 'waiting')}`, 'data-code': one.code },
      sign(SEVERITY[one.severity] ?? 'waiting'),
      made('div', {}, made('p', {}, one.message), one.fix ? made('p', { class: 'nbf-quiet' }, one.fix) : null, made('p', { class: 'nbf-buttons' }, where, fix))
    );
  }

  private showRuns(known: Known): void {
    const rows = known.runs.map(row => rowOf(known, row));
    const text = JSON.stringify([rows, known.run, isLive(known)]);
    if (text === this.runsShown) return;
    this.runsShown = text;
    const { trans } = this;
    if (known.runs.length === 0 && known.run === null) {
      this.runs.replaceChildren();
      return;
    }
    const now = known.run === null ? null : button(trans.__('Show the pipeline as it stands'), '', () => this.asks.show(null));
    this.runs.replaceChildren(
      made('h3', {}, trans.__('Runs of this notebook')),
      ...(now && !isLive(known) ? [now] : []),
      made('ul', {}, ...rows.map(run => made('li', {}, this.run(run, run.id === known.run))))
    );
  }

  private run(run: RunRow, isShown: boolean): HTMLElement {
    const started = run.started === null ? '' : moment(run.started);
    const row = button('', this.trans.__('Show this run'), () => this.asks.show(run.id), `jp-nbflow-run nbf-step ${stateClass(run.status)}`);
    row.append(
      sign(run.status), made('span', { class: 'nbf-state' }, run.label),
      made('span', { class: 'nbf-quiet' }, [run.seconds === null ? '' : duration(run.seconds), started].filter(Boolean).join(' · '))
    );
    row.dataset.run = run.id;
    row.setAttribute('aria-current', String(isShown));
    return row;
  }

  private link(label: string, path: string, kind: 'report' | 'notebook'): HTMLElement {
    return button(label, path, () => this.asks.open(path, kind));
  }

  private readonly notice = made('p', { class: 'jp-nbflow-notice', role: 'status' });
  private readonly empty = made('div', { class: 'nbf-view jp-nbflow-empty' });
  private readonly findings = made('div', { class: 'nbf-view jp-nbflow-findings' });
  private readonly host = made('div', { class: 'jp-nbflow-drawing' });
  private readonly files = made('div', { class: 'nbf-view nbf-buttons jp-nbflow-files' });
  private readonly runs = made('div', { class: 'nbf-view jp-nbflow-runs' });
  private drawing: Drawing | null = null;
  private drawn: RunView | null = null;
  /** The step whose details are shown, and the step of the cell that is worked in. */
  private chosen: string | null = null;
  private marked: string | null = null;
  private quiet = false;
  private explained = '';
  private said = NOTHING_SAID;
  private findingsShown = '[]';
  private runsShown = '';
}

/** The time of day, and the day where it is another one. */
function moment(text: string): string {
  const then = new Date(text);
  const time = then.toLocaleTimeString([], { timeStyle: 'short' });
  return then.toDateString() === new Date().toDateString() ? time : `${then.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${time}`;
}
