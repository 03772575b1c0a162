// What the check finds, in the editors of the cells.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { EditorExtensionRegistry, IEditorExtensionRegistry } from '@jupyterlab/codemirror';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { FindingMarks } from '../lab/findingMarks.js';
import type { Watch } from '../lab/watch.js';
import { hasChangedText } from '../lab/words.js';
import { byCell } from '../pure/marks.js';
import type { Finding } from '../pure/wire.js';
import { IPipelines } from '../tokens.js';

export const findings: JupyterFrontEndPlugin<void> = {
  id: 'nbflow:findings',
  description: 'What is wrong with a step, on its line, with the fix.',
  autoStart: true,
  requires: [IPipelines, IEditorExtensionRegistry],
  optional: [ITranslator],
  activate: (_: JupyterFrontEnd, pipelines: IPipelines, registry: IEditorExtensionRegistry, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load('nbflow');
    const marks = new FindingMarks(trans);
    const fix = (watch: Watch, finding: Finding) => {
      if (!watch.fix(finding)) Notification.warning(hasChangedText(trans), { autoClose: 5000 });
    };
    registry.addExtension({
      name: 'nbflow:findings',
      factory: ({ model }) => EditorExtensionRegistry.createImmutableExtension(marks.extension(model.sharedModel))
    });
    const put = (watch: Watch) => {
      const { plan, cells } = watch.known;
      const found = byCell(pipelines.preferences.findings ? (plan?.findings ?? []) : []);
      const numbers = new Map(cells.map((id, index) => [id, index + 1]));
      for (const cell of watch.panel.context.model.sharedModel.cells) {
        const here = found.get(numbers.get(cell.getId()) ?? 0);
        marks.put(cell, here ? { findings: here, fix: finding => fix(watch, finding) } : null);
      }
    };
    const add = (watch: Watch) => watch.changed.connect(put);
    for (const watch of pipelines.all) add(watch);
    pipelines.added.connect((_, watch) => add(watch));
    pipelines.preferencesChanged.connect(() => {
      for (const watch of pipelines.all) put(watch);
    });
  }
};
