// Badges above the cells of steps, in each notebook that is open.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CellBadges } from '../lab/cellBadges.js';
import type { Watch } from '../lab/watch.js';
import { Command, IPipelines } from '../tokens.js';

export const badges: JupyterFrontEndPlugin<void> = {
  id: 'nbflow:badges',
  description: 'How each step stands, above its cells.',
  autoStart: true,
  requires: [IPipelines],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, pipelines: IPipelines, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load('nbflow');
    const all = new Set<CellBadges>();
    const add = (watch: Watch) => {
      const act = {
        runStep: (step: string) => void app.commands.execute(Command.runStep, { step }),
        select: (step: string) => void app.commands.execute(Command.show, { step })
      };
      const made = new CellBadges(watch, trans, act, pipelines.preferences.badges);
      all.add(made);
      watch.panel.disposed.connect(() => all.delete(made));
    };
    for (const watch of pipelines.all) add(watch);
    pipelines.added.connect((_, watch) => add(watch));
    pipelines.preferencesChanged.connect(() => {
      for (const one of all) one.enable = pipelines.preferences.badges;
    });
  }
};
