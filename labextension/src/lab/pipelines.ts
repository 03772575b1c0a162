// The notebooks that are open, each with its watch, and which of them is in front.

import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import { MessageLoop, type Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import type { IPipelines, Preferences } from '../tokens.js';
import type { Client } from './client.js';
import { Watch, type Explain } from './watch.js';

export const DEFAULTS: Preferences = { delay: 500, badges: true, findings: true };

export class Pipelines implements IPipelines {
  constructor(
    readonly client: Client,
    private readonly tracker: INotebookTracker,
    private readonly contents: Contents.IManager,
    private readonly explain: Explain
  ) {
    tracker.widgetAdded.connect((_, panel) => this.add(panel));
    tracker.forEach(panel => this.add(panel));
    tracker.currentChanged.connect(() => this.look());
    document.addEventListener('visibilitychange', () => this.look());
    this.look();
  }

  preferences: Preferences = DEFAULTS;
  readonly preferencesChanged: Signal<IPipelines, void> = new Signal<IPipelines, void>(this);
  readonly currentChanged: Signal<IPipelines, Watch | null> = new Signal<IPipelines, Watch | null>(this);
  readonly added: Signal<IPipelines, Watch> = new Signal<IPipelines, Watch>(this);

  get current(): Watch | null {
    return this.front;
  }

  get all(): Iterable<Watch> {
    return this.watches.values();
  }

  of(panel: NotebookPanel): Watch | null {
    return this.watches.get(panel) ?? null;
  }

  prefer(preferences: Preferences): void {
    this.preferences = preferences;
    for (const watch of this.all) watch.delay = preferences.delay;
    this.preferencesChanged.emit();
  }

  private add(panel: NotebookPanel): void {
    if (this.watches.has(panel)) return;
    const watch = new Watch(panel, this.client, this.contents, this.explain, this.preferences.delay);
    this.watches.set(panel, watch);
    panel.disposed.connect(() => {
      this.watches.delete(panel);
      this.look();
    });
    watch.changed.connect(() => {
      if (watch.isUnreadable) this.look();
      if (watch === this.front) this.currentChanged.emit(watch);
    });
    MessageLoop.installMessageHook(panel, (_, message: Message) => {
      if (message.type === 'after-show' || message.type === 'after-hide' || message.type === 'after-attach') queueMicrotask(() => this.look());
      return true;
    });
    this.added.emit(watch);
    this.look();
  }

  /** Which notebook is in front, and which can be seen. */
  private look(): void {
    const panel = this.tracker.currentWidget;
    const watch = (panel && this.watches.get(panel)) ?? null;
    // The last notebook stays in front while something else is looked at; one that could not be read is of no use then.
    const front = watch?.isUnreadable && !watch.panel.isVisible ? null : watch;
    const before = this.front;
    this.front = front;
    for (const watch of this.all) watch.see(watch.panel.isVisible && !document.hidden, watch === front);
    if (front !== before) this.currentChanged.emit(front);
  }

  private front: Watch | null = null;
  private readonly watches = new Map<NotebookPanel, Watch>();
}
