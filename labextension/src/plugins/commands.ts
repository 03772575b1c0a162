// What a person can ask for: the palette, menus, toolbar and shortcuts (schema/plugin.json) lead here.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, showErrorMessage } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { runIcon } from '@jupyterlab/ui-components';
import { activeStep } from '../lab/cells.js';
import { askForParameters, askForRename, type Rename } from '../lab/forms.js';
import { icon } from '../lab/icon.js';
import { NotSaved, type Watch } from '../lab/watch.js';
import { problemText } from '../lab/words.js';
import { isLive, NOTHING as NOTHING_KNOWN, shown } from '../pure/model.js';
import { stepLine } from '../pure/stepline.js';
import { Command, IPipelines } from '../tokens.js';

const NOTHING = { args: { type: 'object', properties: {} } } as const;

export const commands: JupyterFrontEndPlugin<void> = {
  id: 'nbflow:commands',
  description: 'Commands for pipelines.',
  autoStart: true,
  requires: [IPipelines],
  optional: [ICommandPalette, ITranslator],
  activate: (app: JupyterFrontEnd, pipelines: IPipelines, palette: ICommandPalette | null, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load('nbflow');
    const registry = app.commands;

    /** Do something with the notebook in front, and say it where that fails. */
    const attempt = async (work: (watch: Watch) => Promise<unknown>): Promise<void> => {
      const watch = pipelines.current;
      if (watch === null) return;
      try {
        await work(watch);
      } catch (error) {
        if (error instanceof NotSaved) return;
        const { message, fix } = problemText(trans, error);
        void showErrorMessage(trans.__('Pipeline'), [message, fix].filter(Boolean).join('\n\n'));
      }
    };
    /** Null where it is done, else why not. */
    const renamed = async (watch: Watch, asked: Rename) => {
      try {
        await watch.rename(asked.kind, asked.old, asked.next);
        return null;
      } catch (error) {
        const { message, fix } = problemText(trans, error);
        return { asked, why: [message, fix].filter(Boolean).join(' ') };
      }
    };
    const isOpen = () => pipelines.current !== null && !pipelines.current.isUnreadable && pipelines.current.copyOf === null;
    const hasSteps = () => (pipelines.current?.known.plan?.steps.length ?? 0) > 0;
    const hasActiveStep = () => pipelines.current !== null && activeStep(pipelines.current) !== null;
    const isRunning = () => pipelines.current !== null && isLive(pipelines.current.known);
    const plainCell = () => {
      const cell = pipelines.current?.panel.content.activeCell;
      return isOpen() && cell?.model.type === 'code' && stepLine(cell.model.sharedModel.getSource()) === null;
    };

    registry.addCommand(Command.run, {
      label: trans.__('Run Pipeline'),
      caption: trans.__('Save the notebook and run what is stale, each step in a clean kernel'),
      icon,
      isEnabled: isOpen,
      describedBy: NOTHING,
      execute: () => attempt(watch => watch.run())
    });
    registry.addCommand(Command.runWithParameters, {
      label: trans.__('Run Pipeline with Parameters…'),
      isEnabled: () => (pipelines.current?.known.plan?.parameters.length ?? 0) > 0,
      describedBy: NOTHING,
      execute: () =>
        attempt(async watch => {
          const values = await askForParameters(watch.known.plan?.parameters ?? [], trans);
          if (values !== null) await watch.run([], values);
        })
    });
    registry.addCommand(Command.runStep, {
      label: trans.__('Run This Step'),
      caption: trans.__('Run the step of the selected cell and what it needs'),
      icon: runIcon,
      isEnabled: args => isOpen() && (typeof args.step === 'string' || hasActiveStep()),
      describedBy: { args: { type: 'object', properties: { step: { type: 'string', description: trans.__('Its full name') } } } },
      execute: args =>
        attempt(async watch => {
          const step = typeof args.step === 'string' ? args.step : activeStep(watch)?.full;
          if (step !== undefined) await watch.runStep(step);
        })
    });
    registry.addCommand(Command.cancel, {
      label: trans.__('Cancel the Pipeline Run'),
      isEnabled: isRunning,
      describedBy: NOTHING,
      execute: () => attempt(watch => watch.cancel())
    });
    registry.addCommand(Command.retry, {
      label: trans.__('Retry What Failed'),
      isEnabled: () => shown(pipelines.current?.known ?? NOTHING_KNOWN)?.actions.includes('retry') ?? false,
      describedBy: NOTHING,
      execute: () => attempt(watch => watch.retry(shown(watch.known)?.run ?? ''))
    });
    registry.addCommand(Command.makeStep, {
      label: trans.__('Make This Cell a Step'),
      caption: trans.__('Write a %1 line that fits the selected cell', '%%step'),
      isEnabled: plainCell,
      describedBy: NOTHING,
      execute: () =>
        attempt(async watch => {
          if (!plainCell()) throw new Error(trans.__('Select a code cell that is no step yet.'));
          const { content } = watch.panel;
          const index = content.activeCellIndex;
          await watch.makeStep(index);
          selectName(watch, index);
        })
    });
    registry.addCommand(Command.rename, {
      label: trans.__('Rename Step or Artifact…'),
      isEnabled: hasSteps,
      describedBy: NOTHING,
      execute: () =>
        attempt(async watch => {
          let refused: Parameters<typeof askForRename>[2] = null;
          do {
            const asked = await askForRename(nameable(watch), trans, refused);
            refused = asked && (await renamed(watch, asked));
          } while (refused);
        })
    });
    registry.addCommand(Command.refresh, {
      label: trans.__('Read the Pipeline Again'),
      isEnabled: isOpen,
      describedBy: NOTHING,
      execute: () => attempt(watch => watch.refresh())
    });
    const category = trans.__('Pipeline');
    for (const command of Object.values(Command)) palette?.addItem({ command, category });

    // Told 4 times a second while a run goes on, and it is the menus and the toolbar that would be drawn anew.
    let enabled = '';
    pipelines.currentChanged.connect(() => {
      const now = Object.values(Command).map(command => Number(registry.isEnabled(command))).join('');
      if (now !== enabled) registry.notifyCommandChanged();
      enabled = now;
    });
  }
};

/** The name in a new `%%step` line is selected, so that it can be typed over. */
function selectName(watch: Watch, index: number): void {
  const { content } = watch.panel;
  const cell = content.widgets[index];
  const name = cell && stepLine(cell.model.sharedModel.getSource())?.name;
  const editor = cell?.editor;
  if (!name || !editor) return;
  content.mode = 'edit';
  const [start, end] = [editor.getPositionAt(name.start), editor.getPositionAt(name.end)];
  if (start && end) editor.setSelection({ start, end });
}

/** What can be renamed, that of the selected cell first. */
function nameable(watch: Watch) {
  const plan = watch.known.plan;
  const active = activeStep(watch);
  const steps = (plan?.steps ?? []).map(step => ({ kind: 'step' as const, old: step.name, first: step.full === active?.full }));
  const artifacts = (plan?.artifacts ?? [])
    .filter(one => one.kind === 'variable')
    .map(one => ({ kind: 'artifact' as const, old: one.name, first: Boolean(active && [...active.inputs, ...active.outputs].includes(one.name)) }));
  const seen = new Map([...steps, ...artifacts].map(one => [`${one.kind} ${one.old}`, one]));
  return [...seen.values()].sort((one, other) => Number(other.first) - Number(one.first));
}
