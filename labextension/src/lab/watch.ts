// One open notebook: asks what its pipeline is after each pause in editing, follows its runs while somebody can see it,
// and tells what is known. Only `run`, `retry` and `cancel` have an effect, and each stands behind a button or command.

import type { ISharedCell } from '@jupyter/ydoc';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import { Debouncer, Poll } from '@lumino/polling';
import { Signal, type ISignal } from '@lumino/signaling';
import type { IDisposable } from '@lumino/disposable';
import { copyOf } from '../pure/copies.js';
import { follow, type Open, type StreamEvent } from '../pure/events.js';
import * as model from '../pure/model.js';
import { fixedCells } from '../pure/marks.js';
import { readsAlike } from '../pure/stepline.js';
import type { Finding, Problem, RunChange, RunRow } from '../pure/wire.js';
import { isAway, type Asked, type Client } from './client.js';
import { apply, content, rewrite, sources } from './content.js';

/** Runs that are listed. */
const MOST = 20;

/** Milliseconds between two looks at the runs of a notebook that stands beside the one in front. */
const BESIDE = 1000;

/** Milliseconds until a server that could not be reached is asked again. */
const AGAIN = 2000;

/** An executed copy was to be run. */
export class IsCopy extends Error {
  constructor(readonly run: string) {
    super(`This is the executed copy of ${run}.`);
  }
}

/** The notebook is not any more what the answer is about. */
export class HasChanged extends Error {
  constructor() {
    super('The notebook has changed; try again.');
  }
}

/** JupyterLab could not save the notebook, and has said why. */
export class NotSaved extends Error {
  constructor() {
    super('Nothing was run: the notebook is not saved.');
  }
}

/** What tells a person why something failed. */
export type Explain = (error: unknown) => Problem;

export class Watch implements IDisposable {
  constructor(
    readonly panel: NotebookPanel,
    private readonly client: Client,
    private readonly contents: Contents.IManager,
    private readonly explain: Explain,
    private pause: number
  ) {
    this.asking = new Debouncer(() => this.ask(), pause);
    void this.findUnreadable();
    void panel.context.ready.then(() => {
      if (this.isDisposed) return;
      this.isUnreadable = false;
      panel.context.model.contentChanged.connect(this.edited, this);
      panel.context.pathChanged.connect(this.moved, this);
      panel.context.saveState.connect(this.saved, this);
      void this.ask();
    });
    panel.disposed.connect(() => this.dispose());
  }

  /** JupyterLab shows an empty notebook, as the file is none. */
  isUnreadable = false;

  /** All that is known. */
  known: model.Known = model.NOTHING;

  /** Something is known anew. */
  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  /** Where the server finds the notebook. */
  get path(): string {
    return this.contents.localPath(this.panel.context.path);
  }

  /** The run that it is the executed copy of. Such a copy is a record: nothing is asked of it, and nothing is run. */
  get copyOf(): string | null {
    return copyOf(this.path);
  }

  /** The server's path of a file as this page names it. */
  addressOf(path: string): string {
    const drive = this.contents.driveName(this.panel.context.path);
    return drive && drive !== 'RTC' ? `${drive}:${path}` : path;
  }

  set delay(milliseconds: number) {
    if (milliseconds === this.pause) return;
    this.pause = milliseconds;
    this.asking.dispose();
    this.asking = new Debouncer(() => this.ask(), milliseconds);
  }

  /**
   * Whether somebody can see it: a notebook in the background follows nothing. `inFront`: the one that is worked in is
   * told of its runs, those beside it look now and then. (A browser keeps six connections to a server open, for all of
   * its pages, and whatever is asked besides would wait.)
   */
  see(visible: boolean, inFront: boolean): void {
    const shown = visible && !this.visible;
    this.visible = visible;
    this.listens = visible && inFront;
    this.looks = visible && !inFront;
    if (shown) void this.ask(this.known.plan !== null);
    this.follow();
  }

  /** Ask again at once. */
  refresh(): Promise<void> {
    return this.ask(true);
  }

  // --- what is asked for

  /** Save, then start a run of one step and what it needs. */
  runStep(step: string): Promise<void> {
    return this.run([`+${step}`]);
  }

  /** Save, then start a run: of all, or of what is selected as on the command line. */
  async run(select: string[] = [], parameters: { [name: string]: unknown } = {}): Promise<void> {
    await this.save();
    this.start(await this.client.start(this.path, select, parameters));
  }

  /** Do again what failed. */
  async retry(run: string): Promise<void> {
    await this.save();
    this.start(await this.client.retry(this.path, run));
  }

  /** What the server says to it. A second time, what does not stop by itself is killed. */
  cancel(): Promise<string> {
    const { run, view } = this.known;
    const live = run ?? this.known.plan?.run;
    return live ? this.client.cancel(this.path, live, view?.label === 'stopping') : Promise.resolve('');
  }

  /** Show a run from the list, or the plan. */
  show(run: string | null): void {
    this.put(model.shows(this.known, run, run !== null));
    this.follow();
  }

  // --- edits

  /** The cell of a number, from 1, of the last plan, wherever it stands now. */
  cell(number: number): ISharedCell | null {
    const id = this.known.cells[number - 1];
    return this.panel.context.model.sharedModel.cells.find(cell => cell.getId() === id) ?? null;
  }

  /** Write what `nbflow check --fix` would, all of it or nothing. Whether it could be done. */
  fix(finding: Finding): boolean {
    const texts = fixedCells(finding.edits, number => this.cell(number)?.getSource() ?? null);
    if (texts === null) return false;
    this.write([...texts].map(([number, text]) => [this.cell(number), text]));
    return true;
  }

  /** Tag a plain cell (index from 0). Raises `HasChanged` where it reads otherwise when its line has been worked out. */
  async makeStep(index: number): Promise<void> {
    const shared = this.panel.context.model.sharedModel;
    const before = sources(shared)[index];
    const { line } = await this.client.proposal(this.asked().body, index + 1);
    const cell = shared.cells[index];
    if (!cell || !before || !readsAlike([before], [{ id: cell.getId(), source: cell.getSource() }])) throw new HasChanged();
    apply(cell, { start: 0, end: 0, value: `${line}\n` });
  }

  /** Raises `HasChanged` where the notebook reads otherwise when it has been worked out: that would be lost. */
  async rename(kind: 'step' | 'artifact', old: string, next: string): Promise<void> {
    const shared = this.panel.context.model.sharedModel;
    const before = sources(shared);
    const { cells } = await this.client.rename(this.asked().body, kind, old, next);
    if (!readsAlike(before, sources(shared))) throw new HasChanged();
    this.write(cells.map(({ cell, source }) => [shared.cells[cell - 1] ?? null, source]));
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.asking.dispose();
    this.looking.dispose();
    this.runStream?.abort();
    this.listStream?.abort();
    Signal.clearData(this);
  }

  // --- how

  private asked(): { ids: string[]; body: Asked } {
    const { ids, notebook } = content(this.panel.context.model.sharedModel);
    return { ids, body: { path: this.path, notebook } };
  }

  /** JupyterLab tells nobody but the person that it could not read a file; so where it takes long, the file is looked at. */
  private async findUnreadable(): Promise<void> {
    const { context } = this.panel;
    for (let isAsked = true; isAsked; ) {
      await new Promise(resolve => setTimeout(resolve, AGAIN));
      if (context.isReady || this.disposed) return;
      const error: unknown = await this.contents.get(context.path, { type: 'notebook', content: true }).then(() => null, why => why);
      if (context.isReady || this.disposed) return;
      isAsked = isAway(error);
      this.isUnreadable = error !== null && !isAsked;
    }
    if (this.isUnreadable) this.changedSignal.emit();
  }

  private write(texts: readonly (readonly [ISharedCell | null, string])[]): void {
    rewrite(this.panel.context.model.sharedModel, texts.flatMap(([cell, text]) => (cell ? [[cell, text] as const] : [])));
  }

  private async save(): Promise<void> {
    await this.panel.context.ready;
    if (this.copyOf !== null) throw new IsCopy(this.copyOf);
    if (!this.panel.context.model.dirty) return;
    await this.panel.context.save().catch(() => {
      throw new NotSaved();
    });
  }

  private start(run: string): void {
    this.put(model.shows(this.known, run, false));
    this.follow();
  }

  private edited(): void {
    void this.asking.invoke().catch(() => undefined); // another edit has taken its place
  }

  private saved(_: unknown, state: string): void {
    if (state === 'completed') void this.ask(true);
  }

  private moved(): void {
    this.runStream?.abort();
    this.listStream?.abort();
    this.runStream = this.listStream = null;
    this.put({ ...model.NOTHING });
    void this.ask(true);
    this.follow();
  }

  /** Ask what the pipeline is now. An answer that a newer question has overtaken is dropped. */
  private async ask(again = false): Promise<void> {
    if (this.disposed || !this.visible || !this.panel.context.isReady || this.copyOf !== null) return; // asked when it is seen
    const { ids, body } = this.asked();
    const text = JSON.stringify(body);
    if (text === this.last && !again && this.known.trouble === null) return; // only outputs have changed
    this.isEdited ||= this.last !== '' && text !== this.last;
    this.last = text;
    const number = ++this.questions;
    try {
      const plan = await this.client.pipeline(body);
      if (number === this.questions) {
        this.put(model.planned(this.known, plan, ids, this.isEdited));
        this.isEdited = false;
      }
    } catch (error) {
      if (number !== this.questions) return;
      this.put(model.troubled(this.known, this.explain(error)));
      if (isAway(error)) setTimeout(() => { if (number === this.questions) void this.ask(true); }, AGAIN);
    }
    this.follow();
  }

  private put(known: model.Known): void {
    if (this.disposed || known === this.known) return;
    this.known = known;
    this.changedSignal.emit();
  }

  /** Streams that should be open are, others are not. */
  private follow(): void {
    const { run, view } = this.known;
    const wanted = this.visible && !this.disposed ? run : null;
    if (wanted !== this.followed) {
      this.runStream?.abort();
      this.runStream = null;
      this.followed = wanted;
      const isOver = view !== null && view.run === wanted && view.ended !== null;
      if (wanted !== null && !isOver) {
        this.runStream = this.stream(
          (after, signal) => this.client.runEvents(this.path, wanted, after, signal),
          event => this.put(model.told(this.known, wanted, JSON.parse(event.data) as RunChange)),
          () => void this.ask(true) // what it has left fresh
        );
      }
    }
    const listens = this.listens && !this.disposed && this.copyOf === null;
    if (listens && this.listStream === null) {
      this.listStream = this.stream(
        (_, signal) => this.client.events(this.path, signal),
        event => this.list((JSON.parse(event.data) as { runs: RunRow[] }).runs),
        () => undefined
      );
    } else if (!listens) {
      this.listStream?.abort();
      this.listStream = null;
    }
    const looks = this.looks && !this.disposed && this.copyOf === null;
    if (looks !== this.isLooking) {
      this.isLooking = looks;
      void (looks ? this.looking.start() : this.looking.stop());
    }
  }

  private list(runs: readonly RunRow[]): void {
    this.put(model.listed(this.known, runs));
    this.follow();
  }

  /** Of the notebook beside. Rejected where the server does not answer: then the next look is later. */
  private async look(): Promise<void> {
    if (!this.panel.context.isReady) return;
    const runs = await this.client.runs(this.path, MOST);
    if (this.looks) this.list(runs);
  }

  private stream(
    open: (after: number, signal: AbortSignal) => ReturnType<Open>,
    heard: (event: StreamEvent) => void,
    ended: () => void
  ): AbortController {
    const control = new AbortController();
    const { signal } = control;
    const wait = async (milliseconds: number) => {
      if (!signal.aborted) await new Promise(resolve => setTimeout(resolve, milliseconds));
      return !signal.aborted;
    };
    void follow(
      after => open(after, signal),
      event => { if (!signal.aborted) heard(event); },
      wait
    ).then(over => { if (over && !signal.aborted) ended(); });
    return control;
  }

  private asking: Debouncer<void>;
  private readonly looking = new Poll({
    auto: false, name: 'nbflow:beside', factory: () => this.look(),
    frequency: { interval: BESIDE, backoff: true, max: 30 * BESIDE }
  });
  private readonly changedSignal = new Signal<this, void>(this);
  private disposed = false;
  private visible = false;
  private listens = false;
  private looks = false;
  private isLooking = false;
  private last = '';
  /** Since the last answer that was taken: a question that is overtaken takes no news of an edit with it. */
  private isEdited = false;
  private questions = 0;
  private followed: string | null = null;
  private runStream: AbortController | null = null;
  private listStream: AbortController | null = null;
}
