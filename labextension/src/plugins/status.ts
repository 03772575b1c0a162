// How the notebook in front stands, in the status bar.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import { clean } from '../../../nbflow/static/view.js';
import { summaryText } from '../lab/words.js';
import { summary } from '../pure/summary.js';
import { Command, IPipelines } from '../tokens.js';

export const status: JupyterFrontEndPlugin<void> = {
  id: 'nbflow:status',
  description: 'How the pipeline of the notebook in front stands, in the status bar.',
  autoStart: true,
  requires: [IPipelines],
  optional: [IStatusBar, ITranslator],
  activate: (app: JupyterFrontEnd, pipelines: IPipelines, bar: IStatusBar | null, translator: ITranslator | null) => {
    if (bar === null) return; // Notebook 7 has none
    const trans = (translator ?? nullTranslator).load('nbflow');
    const item = new Widget({ node: document.createElement('button') });
    item.addClass('jp-nbflow-status');
    item.node.title = trans.__('Show the Pipeline');
    item.node.addEventListener('click', () => void app.commands.execute(Command.show));
    const draw = () => {
      const found = pipelines.current && summary(pipelines.current.known);
      const text = found ? clean(trans.__('nbflow: %1', summaryText(trans, found))) : '';
      if (item.node.textContent !== text) item.node.textContent = text;
      item.node.hidden = text === '';
    };
    draw();
    pipelines.currentChanged.connect(draw);
    bar.registerStatusItem('nbflow:status', { item, align: 'left', rank: 9 });
  }
};
