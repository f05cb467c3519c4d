import type { DnsStore } from './store.ts';
import { TrustedClock } from './clock.ts';
import { NOT_HELD } from './shedding.ts';

const DAY_S = 86_400;
/** Most that one pass deletes: a mistake of any kind must be seen before it has taken everything. */
const PASS_SHARE = 0.05;
const PASS_LEAST = 1_000;
/** Rows that are looked at without a pause. */
const CHUNK = 20_000;

/** What the last pass did. */
export interface RetentionState {
  /** Why nothing is deleted at the moment. */
  held: string | undefined;
  deleted: number;
  /** Times in the future that were set back to now, after a clock that was ahead. */
  corrected: number;
  /** The last pass reached its bound; the next goes on. */
  more: boolean;
}

/** What retention works with. */
export interface RetentionOptions {
  store: DnsStore;
  retentionDays: () => number;
  clockCheckedOn: () => string | undefined;
  nowMs?: () => number;
  steadyMs?: () => number;
  /** Lets other work in between two chunks. */
  pause?: () => Promise<void>;
}

/**
 * Forgets what was not seen for `retentionDays`.
 *
 * INVARIANTS: one pass at a time; a pass deletes at most 5 % of all records (at least 1,000), and nothing while the clock is not trusted. Held addresses stay.
 */
export class Retention {
  readonly state: RetentionState = { held: undefined, deleted: 0, corrected: 0, more: false };
  readonly #options: RetentionOptions;
  readonly #clock: TrustedClock;
  #running: Promise<void> | undefined;

  constructor(options: RetentionOptions) {
    this.#options = options;
    const facts = () => options.store.writer?.facts;
    this.#clock = new TrustedClock({
      nowMs: options.nowMs ?? Date.now,
      steadyMs: options.steadyMs ?? (() => performance.now()),
      lastTick: () => facts()?.get('tick_ms'),
      keepTick: (ms) => facts()?.set('tick_ms', ms),
      checkedOn: options.clockCheckedOn,
    });
  }

  /** One pass; what it did stands in `state`. @throws SqliteError */
  pass(): Promise<void> {
    this.#running ??= this.#pass().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #pass(): Promise<void> {
    const { store } = this.#options;
    const { writer } = store;
    if (writer === undefined) return;
    const clock = this.#clock.look();
    this.state.held = clock.trusted ? undefined : clock.reason;
    if (!clock.trusted) return;
    const now = Math.floor(clock.nowMs / 1000);
    this.#correct(now);
    const before = now - this.#options.retentionDays() * DAY_S;
    const most = Math.max(PASS_LEAST, Math.ceil(writer.records * PASS_SHARE));
    let [removed, cursor] = [0, 0];
    while (removed < most) {
      const window = store.query((db) =>
        db
          .prepare<[number, number], { id: number; old: number }>(
            `SELECT max(id) AS id, count(*) AS old FROM (SELECT id FROM rrsets WHERE id > ? ORDER BY id LIMIT ?)`,
          )
          .get(cursor, CHUNK),
      );
      if (window === undefined || window.old === 0) break;
      const rows = store.query((db) =>
        db
          .prepare<[number, number, number, number], { id: number }>(
            `SELECT id FROM rrsets WHERE id > ? AND id <= ? AND time_last < ?
             AND ${NOT_HELD}
             ORDER BY id LIMIT ?`,
          )
          .all(cursor, window.id, before, most - removed),
      );
      removed += store.remove(rows.map(({ id }) => id));
      cursor = window.id;
      await (this.#options.pause ?? pause)();
    }
    this.state.more = removed >= most;
    this.state.deleted += removed;
  }

  /** A time in the future would keep a record for too long. */
  #correct(now: number): void {
    this.state.corrected += this.#options.store.query(
      (db) =>
        db
          .prepare<[number, number, number]>(
            'UPDATE rrsets SET time_last = ?, time_first = min(time_first, ?) WHERE time_last > ?',
          )
          .run(now, now, now + DAY_S).changes,
    );
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 5);
  });
}
