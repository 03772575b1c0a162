// What the panel says of something that was asked for, and how long that is of any use.

import { liveRun, type Known } from './model.js';

export interface Said {
  readonly text: string;
  /** It speaks of the run that went on when it was asked for: of no use once that is over. */
  readonly ofRun: boolean;
  /** The run that went on when it was asked for, null where none did. */
  readonly during: string | null;
}

export const NOTHING_SAID: Said = { text: '', ofRun: false, during: null };

/** What is still of use. Whatever is said is over with a run that begins; what speaks of a run is over with that run. */
export function still(said: Said, known: Known): Said {
  const live = liveRun(known);
  const holds = said.ofRun ? live !== null && live === said.during : live === null || live === said.during;
  return holds ? said : NOTHING_SAID;
}
