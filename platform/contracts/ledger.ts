/** Where on the way from the wire to the store something is counted, in that order. */
export type LedgerStage =
  | 'nic'
  | 'guard'
  | 'capture-link'
  | 'capture-engine'
  | 'fan-out'
  | 'mirror-port'
  | 'tool'
  | 'publish'
  | 'bus'
  | 'stream'
  | 'store';

/**
 * One stage of one thing. `in = out + all held + all lost + unaccounted`.
 * A small `unaccounted` is what was under way while the counters were read.
 */
export interface LedgerLine {
  stage: LedgerStage;
  /** Monitor interface, or instrument, or `<instrument>/<interface>`. Unique with the stage. */
  name: string;
  /** Monitor interface that it belongs to; absent for events. */
  monitor?: string;
  unit: 'packets' | 'events' | 'messages';
  in: number;
  out: number;
  /** Kept back on purpose, by reason: filtered, waiting, ... No loss. */
  held: Record<string, number>;
  /** Lost, by reason. */
  lost: Record<string, number>;
  /** How long ago more was lost than before, in seconds; absent where nothing is lost. */
  lostAgoS?: number;
  /** How much of `lost` is from before every instrument behind it saw; absent while one does not, and in a span of time. */
  lostStarting?: number;
  /** What no counter explains: a loss without a reason when it stays. Negative: counted behind before in front. */
  unaccounted: number;
  /** More, in words. */
  note?: string;
}

/** What `bulkhead ledger --json` prints and `GET /v1/ledger` answers. */
export interface LedgerReport {
  /** ISO 8601: what is counted lies between the two. */
  from: string;
  to: string;
  /** True: less is remembered than was asked for. */
  shortened: boolean;
  lines: LedgerLine[];
  /** Losses that are above their threshold now. */
  alarms: LossAlarm[];
}

/** A loss above its threshold. */
export interface LossAlarm {
  stage: LedgerStage;
  name: string;
  monitor?: string;
  /** ISO 8601. */
  since: string;
  /** Lost within the last minute, of how many, and why. */
  lost: number;
  of: number;
  percent: number;
  reasons: Record<string, number>;
  text: string;
}
