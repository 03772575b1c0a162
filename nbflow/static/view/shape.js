// What a view is: its version and its types, as nbflow/core/view/shape.py has them, and what a host gives and gets.

/**
 * @typedef {{waiting: number, kernel: number, loading: number, code: number, saving: number, memory: number,
 *   cpu: number}} UsageView
 * @typedef {{number: number, started: string | null, ended: string | null, ending: string, error: string,
 *   traceback: string, cell: number | null, usage: UsageView, environment: {[name: string]: string}}} AttemptView
 * @typedef {UsageView & {seconds: number, slack: number, usual: number | null, slower: boolean,
 *   critical: boolean}} StepTimeView
 * @typedef {{name: string, kind: string, type: string, format: string, size: number | null, step: string}} ThingView
 * @typedef {{id: string, name: string, needs: string[], notebook: string, cells: number[], group: string,
 *   state: string, label: string, reason: string, attempts: AttemptView[], started: string | null,
 *   ended: string | null, seconds: number | null, retry: string | null, done: number, total: number, text: string,
 *   error: string, warnings: string[], time: StepTimeView | null, inputs: ThingView[], outputs: ThingView[],
 *   printed: string[], executed: string, actions: string[]}} StepView
 * @typedef {{seconds: number, jobs: number, total: UsageView, longest_chain: string[], longest_chain_seconds: number,
 *   with_places: {[places: string]: number}, remark: object | null, lines: string[]}} RunTimeView
 * @typedef {{svg: string, elements: {[step: string]: string}, note: string}} GraphView
 * @typedef {{version: number, run: string, status: string, label: string, folder: string, command: string,
 *   sources: string[], parameters: {[name: string]: any}, environment: {[name: string]: string}, jobs: number,
 *   started: string | null, ended: string | null, seconds: number | null, now: string | null, eta: string | null,
 *   counts: {[state: string]: number}, actions: string[], time: RunTimeView | null, graph: GraphView | null,
 *   steps: StepView[]}} RunView
 * @typedef {Partial<RunView> & {version: number, run: string}} RunChange
 *   What differs from the view before: of the steps those that differ, whole. The first one is a whole view.
 * @typedef {object} Options
 * @property {(action: string, step: string | null) => void} [onAction] told of a click on a button.
 * @property {string[]} [actions] what this host can do, of "run", "cancel", "retry", "only", "jump".
 * @property {string | null} [base] where the run's folder is for links, as "nbflow_runs/ID/"; null: no links.
 * @property {(step: string | null) => void} [onSelect] told which step's details are shown, null: those of the run.
 * @property {{[step: string]: string}} [anchors] step (full name) → address on this page where its outputs are.
 * @typedef {object} Drawing
 * @property {(change: RunChange) => void} update draw a view, or what has changed since the last one.
 * @property {(step: string | null) => void} select show the details of a step (full name), or of the run.
 * @property {() => void} stop no news will come: the clock stands still, and what asks for something is dead.
 * @property {() => void} destroy take everything away and stop listening.
 */

export const VERSION = 1;
