// Values for tests, as the server would send them.

import type { Finding, Pipeline, RunView, StepHere, StepView } from './wire.js';

export function stepView(id: string, state: string, more: Partial<StepView> = {}): StepView {
  return {
    id, name: id, needs: [], notebook: 'a.ipynb', cells: [1], group: '', state, label: state, reason: '', attempts: [],
    started: null, ended: null, seconds: null, retry: null, done: 0, total: 0, text: '', error: '', warnings: [], time: null,
    inputs: [], outputs: [], printed: [], executed: '', actions: [], ...more
  };
}

export function runView(run: string, status: string, steps: StepView[], more: Partial<RunView> = {}): RunView {
  return {
    version: 1, run, status, label: status, folder: '', command: '', sources: ['a.ipynb'], parameters: {}, environment: {}, jobs: 2,
    started: null, ended: null, seconds: null, now: null, eta: null, counts: {}, actions: [], time: null, graph: null, steps, ...more
  };
}

export function step(name: string, cells: number[], more: Partial<StepHere> = {}): StepHere {
  return { full: name, name, cells, inputs: [], outputs: [], ...more };
}

export function pipeline(steps: StepHere[], view: RunView | null, more: Partial<Pipeline> = {}): Pipeline {
  return { project: '.', name: 'a.ipynb', view, steps, findings: [], parameters: [], artifacts: [], problem: null, run: null, ...more };
}

export function finding(more: Partial<Finding> = {}): Finding {
  return { code: 'undeclared-input', severity: 'error', cell: 1, step: 'a', message: 'It reads x.', fix: 'Add -i x.', edits: [], ...more };
}
