// Words for what is data elsewhere: why something failed, how a pipeline stands, what is offered in a `%%step` line; and
// sentences that more than one place says. Each is written out where it is translated, as what extracts them reads the source.

import type { TranslationBundle } from '@jupyterlab/translation';
import type { Item } from '../pure/completion.js';
import type { Summary } from '../pure/summary.js';
import type { Problem } from '../pure/wire.js';
import { HasNoNbflow, isAway, ServerSays } from './client.js';
import { HasChanged, IsCopy, NotSaved } from './watch.js';

export function isCopyText(trans: TranslationBundle, run: string): string {
  return trans.__('This is the executed copy of %1. It is a record: run the notebook that it was made from.', run);
}

export function hasChangedText(trans: TranslationBundle): string {
  return trans.__('The notebook has changed; try again.');
}

/** Why something failed, for a person. */
export function problemText(trans: TranslationBundle, error: unknown): Problem {
  if (error instanceof ServerSays) return error.problem;
  if (error instanceof HasNoNbflow) {
    return {
      message: trans.__('The Jupyter server does not know nbflow.'),
      fix: trans.__('Enable it, and start the server anew: jupyter server extension enable nbflow')
    };
  }
  if (isAway(error)) {
    return {
      message: trans.__('The Jupyter server does not answer.'),
      fix: trans.__('It is asked again until it does. If it has ended, start it anew.')
    };
  }
  if (error instanceof IsCopy) return { message: isCopyText(trans, error.run), fix: '' };
  if (error instanceof HasChanged) return { message: hasChangedText(trans), fix: '' };
  if (error instanceof NotSaved) return { message: trans.__('Nothing was run: the notebook is not saved.'), fix: '' };
  return { message: error instanceof Error ? error.message : String(error), fix: '' };
}

/** "running 2/5", "2 problems", "3 stale, 2 fresh". */
export function summaryText(trans: TranslationBundle, summary: Summary): string {
  switch (summary.kind) {
    case 'run':
      return trans.__('%1 %2/%3', summary.label, summary.done, summary.all);
    case 'problems':
      return trans._n('%1 problem', '%1 problems', summary.number);
    case 'steps':
      return [...summary.counts].map(([state, number]) => trans.__('%1 %2', number, state)).join(', ');
  }
}

/** What is said beside what is offered. */
export function useText(trans: TranslationBundle, use: Item['use']): string {
  if (typeof use === 'object') return use.madeBy;
  switch (use) {
    case 'inputs':
      return trans.__('what the step takes');
    case 'outputs':
      return trans.__('what it makes');
    case 'after':
      return trans.__('steps that have to be done before');
    case 'retries':
      return trans.__('how often to try again');
    case 'retry-delay':
      return trans.__('seconds before it tries again');
    case 'timeout':
      return trans.__('seconds that an attempt may take');
    case 'no-cache':
      return trans.__('runs every time');
    case 'resources':
      return trans.__('what it needs: gpu=1 memory=8GiB');
    case 'goes-on':
      return trans.__('goes on with this step');
    case 'done-before':
      return trans.__('step');
    case 'bound-below':
      return trans.__('bound below');
  }
}
