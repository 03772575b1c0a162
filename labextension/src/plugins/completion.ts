// Completion in `%%step` lines.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICompletionProviderManager } from '@jupyterlab/completer';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { StepCompletion } from '../lab/stepCompletion.js';
import { IPipelines } from '../tokens.js';

export const completion: JupyterFrontEndPlugin<void> = {
  id: 'nbflow:completion',
  description: 'Completes options, artifacts and steps in %%step lines.',
  autoStart: true,
  requires: [IPipelines, ICompletionProviderManager],
  optional: [ITranslator],
  activate: (_: JupyterFrontEnd, pipelines: IPipelines, manager: ICompletionProviderManager, translator: ITranslator | null) => {
    manager.registerProvider(new StepCompletion(pipelines, (translator ?? nullTranslator).load('nbflow')));
  }
};
