// The Pipeline panel in the right side bar, for the notebook in front.

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { MimeDocument } from '@jupyterlab/docregistry';
import { activeStep, goTo, goToStep } from '../lab/cells.js';
import { icon } from '../lab/icon.js';
import { PipelinePanel } from '../lab/panel.js';
import type { Watch } from '../lab/watch.js';
import { hasChangedText, problemText } from '../lab/words.js';
import { liveRun, shown } from '../pure/model.js';
import { Command, IPipelines } from '../tokens.js';

const REPORT_TRIES = 10;

export const panel: JupyterFrontEndPlugin<void> = {
  id: 'nbflow:panel',
  description: 'The pipeline of the notebook in front, live.',
  autoStart: true,
  requires: [IPipelines],
  optional: [ITranslator, ILayoutRestorer],
  activate: (app: JupyterFrontEnd, pipelines: IPipelines, translator: ITranslator | null, restorer: ILayoutRestorer | null) => {
    const trans = (translator ?? nullTranslator).load('nbflow');
    const { commands, shell } = app;

    const asks = {
      action: (action: string, step: string | null) => void act(pipelines.current, action, step),
      select: (step: string) => { if (pipelines.current) void goToStep(pipelines.current, step); },
      show: (run: string | null) => pipelines.current?.show(run),
      fix: (finding: Parameters<Watch['fix']>[0]) => {
        const watch = pipelines.current;
        if (watch?.fix(finding) === false) tell(watch, hasChangedText(trans));
      },
      goTo: (cell: number) => {
        const id = pipelines.current?.known.cells[cell - 1];
        if (pipelines.current && id !== undefined) void goTo(pipelines.current, id);
      },
      makeStep: () => void commands.execute(Command.makeStep),
      open: (path: string, kind: 'report' | 'notebook') => void open(path, kind)
    };
    const widget = new PipelinePanel(trans, asks);
    widget.id = 'nbflow-panel';
    widget.title.icon = icon;
    widget.title.caption = trans.__('Pipeline');
    widget.node.setAttribute('aria-label', trans.__('Pipeline'));
    shell.add(widget, 'right', { rank: 550, type: 'Pipeline' });
    restorer?.add(widget, 'nbflow-panel');
    commands.addCommand(Command.show, {
      label: trans.__('Show the Pipeline'),
      caption: trans.__('Show the Pipeline panel'),
      icon,
      execute: (args: { step?: string }) => {
        shell.activateById(widget.id);
        if (args.step !== undefined) widget.mark(args.step);
      },
      describedBy: { args: { type: 'object', properties: { step: { type: 'string' } } } }
    });

    /** Say something of a notebook, as long as that is in front. `during`: the run that went on when it was asked for. */
    function tell(watch: Watch, text: string, ofRun = false, during = liveRun(watch.known)): void {
      if (watch === pipelines.current) widget.tell({ text, ofRun, during }, watch.known);
    }

    async function act(watch: Watch | null, action: string, step: string | null): Promise<void> {
      if (watch === null) return;
      tell(watch, '');
      const during = liveRun(watch.known);
      try {
        if (action === 'run') await watch.run();
        else if (action === 'only' && step !== null) await watch.runStep(step);
        else if (action === 'retry') await watch.retry(shown(watch.known)?.run ?? '');
        else if (action === 'cancel') tell(watch, await watch.cancel(), true, during);
        else if (action === 'jump' && step !== null && !(await goToStep(watch, step))) {
          tell(watch, trans.__('The cell of this step is not in this notebook as it is now.'));
        }
      } catch (error) {
        const { message, fix } = problemText(trans, error);
        tell(watch, [message, fix].filter(Boolean).join('\n'), false, during);
      }
    }

    async function open(path: string, kind: 'report' | 'notebook'): Promise<void> {
      const address = pipelines.current?.addressOf(path) ?? path;
      const opened = (await commands.execute('docmanager:open', {
        path: address,
        // What has been executed is there to be read.
        ...(kind === 'report' ? { factory: 'HTML Viewer' } : { kernelPreference: { shouldStart: false, autoStartDefault: false } })
      })) as (MimeDocument & { trusted?: boolean }) | undefined;
      // A report draws itself by a script. The viewer keeps it in a frame that reaches nothing of this page.
      if (kind === 'report' && opened && 'trusted' in opened) opened.trusted = true;
    }

    // --- what is shown follows the notebook in front

    let front: Watch | null = null;
    let asked = '';
    const files = (watch: Watch) => {
      const view = watch.known.view;
      const key = view?.ended ? `${watch.path} ${view.run}` : '';
      if (key === asked) return;
      asked = key;
      widget.showFiles(null);
      if (key === '' || !view) return;
      void look(watch, view.run, () => asked === key);
    };
    /** Where its files are. The report is written a little after the end. */
    const look = async (watch: Watch, run: string, isWanted: () => boolean) => {
      for (let tries = 0; tries < REPORT_TRIES && isWanted(); tries++) {
        const found = await pipelines.client.run(watch.path, run).catch(() => null);
        if (isWanted()) widget.showFiles(found);
        if (found?.report) return;
        await new Promise(resolve => setTimeout(resolve, 1000));
      }
    };
    const mark = () => { if (front) widget.mark(activeStep(front)?.full ?? null); };
    const show = (watch: Watch | null) => {
      if (watch !== front) {
        front?.panel.content.activeCellChanged.disconnect(mark);
        front = watch;
        front?.panel.content.activeCellChanged.connect(mark);
        widget.showNothing();
        asked = '';
      }
      if (watch === null) return;
      if (watch.copyOf !== null) {
        widget.showCopy(watch.copyOf);
        return;
      }
      if (watch.isUnreadable) {
        widget.showUnreadable();
        return;
      }
      widget.showKnown(watch.known);
      files(watch);
      mark();
    };
    pipelines.currentChanged.connect((_, watch) => show(watch));
    show(pipelines.current);
  }
};
