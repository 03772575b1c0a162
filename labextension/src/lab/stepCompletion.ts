// Completion in `%%step` lines, with and without a kernel.

import type { CompletionHandler, ICompletionContext, ICompletionProvider } from '@jupyterlab/completer';
import { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { completed } from '../pure/completion.js';
import { stepLine } from '../pure/stepline.js';
import type { IPipelines } from '../tokens.js';
import { useText } from './words.js';

export class StepCompletion implements ICompletionProvider<CompletionHandler.ICompletionItem> {
  constructor(private readonly pipelines: IPipelines, private readonly trans: TranslationBundle) {}

  readonly identifier = 'nbflow:steps';
  readonly rank = 1100;
  readonly renderer = null;

  async isApplicable(context: ICompletionContext): Promise<boolean> {
    return context.widget instanceof NotebookPanel && stepLine(context.editor?.model.sharedModel.getSource() ?? '') !== null;
  }

  async fetch(
    request: CompletionHandler.IRequest,
    context: ICompletionContext
  ): Promise<CompletionHandler.ICompletionItemsReply<CompletionHandler.ICompletionItem>> {
    const { widget, editor } = context;
    const nothing = { start: request.offset, end: request.offset, items: [] };
    if (!(widget instanceof NotebookPanel) || !editor) return nothing;
    const watch = this.pipelines.of(widget);
    const number = widget.content.widgets.findIndex(cell => cell.editor === editor) + 1;
    const found = completed(request.text, request.offset, number, watch?.known.plan ?? null);
    if (found === null) return nothing;
    const items = found.items.map(({ label, kind, use }) => ({ label, insertText: label, type: kind, documentation: useText(this.trans, use) }));
    return { start: found.start, end: found.end, items };
  }
}
