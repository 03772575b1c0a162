// What the plugins of this extension share, and the names that others may use.

import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Client } from './lab/client.js';
import type { Watch } from './lab/watch.js';

export const PLUGIN = 'nbflow:plugin';

/** Of the commands. */
export const Command = {
  show: 'nbflow:show',
  run: 'nbflow:run',
  runWithParameters: 'nbflow:run-with-parameters',
  runStep: 'nbflow:run-step',
  cancel: 'nbflow:cancel',
  retry: 'nbflow:retry',
  makeStep: 'nbflow:make-step',
  rename: 'nbflow:rename',
  refresh: 'nbflow:refresh'
} as const;

/** What a person has set. */
export interface Preferences {
  /** Milliseconds after the last key until the pipeline is read again. */
  readonly delay: number;
  readonly badges: boolean;
  readonly findings: boolean;
}

/** The pipelines of the notebooks that are open. */
export interface IPipelines {
  readonly client: Client;
  readonly preferences: Preferences;
  readonly preferencesChanged: ISignal<IPipelines, void>;
  /** That of the notebook in front, null where none is. */
  readonly current: Watch | null;
  /** Told when another notebook is in front, and when anything is known anew of the one in front. */
  readonly currentChanged: ISignal<IPipelines, Watch | null>;
  /** Told of each notebook that is opened. */
  readonly added: ISignal<IPipelines, Watch>;
  readonly all: Iterable<Watch>;
  of(panel: NotebookPanel): Watch | null;
}

export const IPipelines = new Token<IPipelines>('nbflow:IPipelines', 'The pipelines of the notebooks that are open.');
