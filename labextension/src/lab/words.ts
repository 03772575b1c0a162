// Sentences that more than one place says.

import type { TranslationBundle } from '@jupyterlab/translation';

export function isCopyText(trans: TranslationBundle, run: string): string {
  return trans.__('This is the executed copy of %1. It is a record: run the notebook that it was made from.', run);
}

export function hasChangedText(trans: TranslationBundle): string {
  return trans.__('The notebook has changed; try again.');
}
