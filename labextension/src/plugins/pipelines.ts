// What all the others share: the watches of the open notebooks, and what a person has set.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Client } from '../lab/client.js';
import { DEFAULTS, Pipelines } from '../lab/pipelines.js';
import { problemText } from '../lab/words.js';
import { IPipelines, PLUGIN } from '../tokens.js';

export const pipelines: JupyterFrontEndPlugin<IPipelines> = {
  id: PLUGIN,
  description: 'Knows the pipelines of the notebooks that are open.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ISettingRegistry, ITranslator],
  provides: IPipelines,
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker, settings: ISettingRegistry | null, translator: ITranslator | null): IPipelines => {
    const trans = (translator ?? nullTranslator).load('nbflow');
    const { serverSettings, contents } = app.serviceManager;
    const made = new Pipelines(new Client(serverSettings), tracker, contents, error => problemText(trans, error));
    void settings?.load(PLUGIN).then(
      loaded => {
        const read = () => made.prefer({ ...DEFAULTS, ...(loaded.composite as object) });
        loaded.changed.connect(read);
        read();
      },
      error => console.warn('nbflow: its settings could not be read', error)
    );
    return made;
  }
};
