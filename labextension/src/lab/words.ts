// Sentences that more than one place says.

import type { TranslationBundle } from '@jupyterlab/translation';
import type { Problem } from '../pure/wire.js';
import { problemOf } from './client.js';
import { HasChanged, IsCopy } from './watch.js';

export function isCopyText(trans: TranslationBundle, run: string): string {
  return trans.__('This is the executed copy of %1. It is a record: run the notebook that it was made from.', run);
}

export function hasChangedText(trans: TranslationBundle): string {
  return trans.__('The notebook has changed; try again.');
}

/** Why something failed, for a person. */
export function problemText(trans: TranslationBundle, error: unknown): Problem {
  if (error instanceof IsCopy) return { message: isCopyText(trans, error.run), fix: '' };
  if (error instanceof HasChanged) return { message: hasChangedText(trans), fix: '' };
  return problemOf(error);
}
