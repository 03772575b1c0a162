// What the server says and is told (nbflow's REST contract). Words, reasons and states are decided there; here are
// only their types. A run's view is drawn by the one renderer, which also has its types.

import type { RunChange, RunView, StepView } from '../../../nbflow/static/view.js';

export type { RunChange, RunView, StepView };

/** Why something was refused, and what to do. */
export interface Problem {
  message: string;
  /** May be empty. */
  fix: string;
}

/** A step of this notebook. */
export interface StepHere {
  /** Its full name: `StepView.id`. */
  full: string;
  /** What its `%%step` line calls it. */
  name: string;
  /** Counted from 1 over all cells. */
  cells: number[];
  inputs: string[];
  outputs: string[];
}

/** One line that `nbflow check --fix` would write. */
export interface Edit {
  cell: number;
  /** Counted from 0 within the cell. */
  line: number;
  old: string;
  new: string;
}

export type Severity = 'error' | 'warning' | 'hint';

export interface Finding extends Problem {
  code: string;
  severity: Severity;
  cell: number | null;
  step: string | null;
  /** One for each line that the fix touches; none: it has to be put right by hand. */
  edits: Edit[];
}

export type ParameterType = 'bool' | 'int' | 'float' | 'str' | 'json';

export interface Parameter {
  name: string;
  default: unknown;
  type: ParameterType;
  /** How the notebook writes it. */
  source: string;
}

export interface Artifact {
  name: string;
  kind: 'variable' | 'file';
  step: string;
  /** The last cell of its maker. */
  cell: number;
}

/** The pipeline of a notebook as it stands in the editor. */
export interface Pipeline {
  project: string;
  /** What the project calls this notebook. */
  name: string;
  /** Null where there are no steps, or nothing could be decided. */
  view: RunView | null;
  steps: StepHere[];
  findings: Finding[];
  parameters: Parameter[];
  artifacts: Artifact[];
  problem: Problem | null;
  /** A run of this notebook that goes on now. */
  run: string | null;
}

export interface RunRow {
  id: string;
  status: string;
  label: string;
  started: string | null;
  seconds: number | null;
  counts: { [state: string]: number };
}

export interface RunFiles {
  view: RunView;
  /** Contents paths, where they exist. */
  report: string | null;
  executed: string | null;
}

export interface Proposal {
  cell: number;
  name: string;
  inputs: string[];
  outputs: string[];
  line: string;
}

export interface Renamed {
  cells: { cell: number; source: string }[];
}

/** Whether a run goes on. */
export function goesOn(status: string): boolean {
  return status === 'running' || status === 'planned';
}
