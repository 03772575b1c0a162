// Executed copies of notebooks, which runs leave behind: they are records, and are known by where they lie.

const COPY = /(?:^|\/)nbflow_runs\/([0-9a-z-]{1,64})\/.+\.ipynb$/;

/** The run that a notebook is the executed copy of, by its path; null where it is none. */
export function copyOf(path: string): string | null {
  return COPY.exec(path)?.[1] ?? null;
}
