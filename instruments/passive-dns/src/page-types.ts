import type { CofRecord } from './cof-record.ts';

/** The page and what answers it: `GET api/me`, `api/state`, `api/lookup?name=` or `?address=`. */

/** Who looks at the page, as the one says who lets people in. */
export interface PageReader {
  user: string | null;
  roles: string[];
}

/** What the instrument is doing. Times are seconds since 1970. */
export interface PageState {
  sensor: string;
  /** Kept at the moment. */
  records: number;
  /** Answers that were counted since the instrument started. */
  observations: number;
  since: number;
  /** When the oldest of the records was first seen; absent without any. */
  oldest?: number;
  retentionDays: number;
  /** Whether it may read the DNS events of an IDS at all. */
  readsDns: boolean;
  /** Health, and its reason when it is not `ok`. */
  state: string;
  detail?: string;
}

/** Records, newest first; below a domain in the order of names. `more`: there are others, which are not shown. */
export interface PageAnswer {
  records: CofRecord[];
  more: boolean;
}

/** Most records in one answer to the page. */
export const PAGE_RECORDS = 200;
