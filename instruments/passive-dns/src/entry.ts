import type { Observation } from './observations.ts';

/** One record (rrset entry) with what is not in the database yet. Times are seconds since 1970. */
export interface Entry {
  readonly observation: Observation;
  /** Row in the database; 0 while it is not known. Rows never change their number. */
  row: number;
  /** Observations that are only in memory. */
  first: number;
  last: number;
  count: number;
  /** Observations that are in the journal too, but not in the database. */
  heldFirst: number;
  heldLast: number;
  heldCount: number;
}
