import type { EventBatch, ReceivedEvent } from '@bulkhead/sdk';
import type { Database } from '../store/database.ts';
import { normalAddress } from './address-set.ts';

export interface AlertLogOptions {
  db: Database;
  /** Days that an alert is kept. */
  days: () => number;
  maxRows: () => number;
  nowMs?: () => number;
  /** Time that passes whatever the clock says. */
  steadyMs?: () => number;
}

/** An alert as far as a suppression is judged by it. */
export interface AlertRow {
  /** ms since 1970. */
  time: number;
  src: string;
  dst: string;
}

/** Rows of one step of deleting. */
const STEP = 2_000;
/** Messages that are recognised when they come again. */
const REMEMBERED = 4_096;
const DAY_MS = 86_400_000;
const FLUSH_MS = 200;
export const NOT_HELD = 'NOT EXISTS (SELECT 1 FROM holds WHERE address = alerts.src OR address = alerts.dst)';

/**
 * The alerts of the last days, for previews only: when they cannot be stored they are counted and let go.
 *
 * INVARIANTS: a message and the mark that it was taken are one transaction. What is held is not deleted by age.
 */
export class AlertLog {
  readonly counters = { taken: 0, dropped: 0, repeated: 0, expired: 0 };
  readonly #options: AlertLogOptions;
  readonly #seen = new Set<string>();
  readonly #began: number;
  #slot: number;
  #rows: number;
  #waiting: { key: string; events: readonly ReceivedEvent[]; done: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** Clock and steady time of the last look while the clock was not trusted. */
  #doubt: { now: number; steady: number } | undefined;
  #lastTick: number | undefined;

  constructor(options: AlertLogOptions) {
    this.#options = options;
    const { db } = options;
    const marks = db.prepare<[], { slot: number; message: string }>('SELECT slot, message FROM seen').all();
    for (const { message } of marks) this.#seen.add(message);
    this.#slot = marks.length % REMEMBERED;
    this.#rows = db.prepare<[], { n: number }>('SELECT count(*) AS n FROM alerts').get()?.n ?? 0;
    this.#lastTick = this.span()?.newest;
    this.#began = this.#steady();
  }

  get rows(): number {
    return this.#rows;
  }

  /** Takes one message; resolves when it is stored or let go. */
  take(batch: EventBatch): Promise<void> {
    const key = `${batch.from}/${String(batch.sequence)}/${batch.id}`.slice(0, 200);
    if (this.#seen.has(key)) {
      this.counters.repeated += 1;
      return Promise.resolve();
    }
    return new Promise((done) => {
      this.#waiting.push({ key, events: batch.events(), done });
      this.#timer ??= setTimeout(() => {
        this.flush();
      }, FLUSH_MS);
    });
  }

  /** Stores what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    const rows = waiting.flatMap(({ events }) => events.flatMap(rowOf));
    try {
      this.#options.db.transaction(() => {
        const add = this.#options.db.prepare(
          'INSERT INTO alerts (sid, gid, time, src, dst) VALUES (?, ?, ?, ?, ?)',
        );
        for (const row of rows) add.run(row.sid, row.gid, row.time, row.src, row.dst);
        const mark = this.#options.db.prepare('INSERT OR REPLACE INTO seen VALUES (?, ?)');
        for (const { key } of waiting) {
          mark.run(this.#slot, key);
          this.#slot = (this.#slot + 1) % REMEMBERED;
        }
      })();
      for (const { key } of waiting) this.#seen.add(key);
      if (this.#seen.size > 2 * REMEMBERED) this.#relearn();
      this.counters.taken += rows.length;
      this.#rows += rows.length;
      const beyond = this.#rows - this.#options.maxRows();
      if (beyond > 0) this.#delete(`1 ORDER BY id LIMIT ${String(Math.min(beyond + STEP, 100_000))}`, []);
    } catch {
      this.counters.dropped += rows.length;
    }
    for (const { done } of waiting) done();
  }

  /** Deletes what is too old. @returns why nothing may be deleted at the moment */
  async expire(): Promise<string | undefined> {
    const now = this.#options.nowMs?.() ?? Date.now();
    const held = this.#distrust(now);
    if (held !== undefined) return held;
    const before = now - this.#options.days() * DAY_MS;
    for (;;) {
      const deleted = this.#delete(`time < ? AND ${NOT_HELD} LIMIT ${String(STEP)}`, [before]);
      this.counters.expired += deleted;
      if (deleted < STEP) return undefined;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Alerts of one rule, newest first. */
  ofRule(sid: number, gid: number, sinceMs: number, limit: number): AlertRow[] {
    return this.#options.db
      .prepare<[number, number, number, number], AlertRow>(
        'SELECT time, src, dst FROM alerts WHERE sid = ? AND gid = ? AND time >= ? ORDER BY time DESC LIMIT ?',
      )
      .all(sid, gid, sinceMs, limit);
  }

  countOf(sid: number): number {
    return (
      this.#options.db
        .prepare<[number], { n: number }>('SELECT count(*) AS n FROM alerts WHERE sid = ?')
        .get(sid)?.n ?? 0
    );
  }

  /** Time of the oldest and newest alert. */
  span(): { oldest: number; newest: number } | undefined {
    const row = this.#options.db
      .prepare<[], { oldest: number | null; newest: number | null }>(
        'SELECT min(time) AS oldest, max(time) AS newest FROM alerts',
      )
      .get();
    if (typeof row?.oldest !== 'number' || row.newest === null) return undefined;
    return { oldest: row.oldest, newest: row.newest };
  }

  /** Deletes rows by what stands behind WHERE, whose values are ours or bound. @returns how many */
  remove(where: string, values: readonly string[]): number {
    return this.#delete(where, values);
  }

  #delete(where: string, values: readonly (string | number)[]): number {
    const { changes } = this.#options.db
      .prepare(`DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE ${where})`)
      .run(...values);
    this.#rows -= changes;
    return changes;
  }

  /** A clock that jumped would make everything old: it is believed after a day of steady running. */
  #distrust(now: number): string | undefined {
    const steady = this.#steady();
    const last = this.#lastTick;
    if (last === undefined || Math.abs(now - last) <= DAY_MS) {
      this.#doubt = undefined;
      this.#lastTick = now;
      return undefined;
    }
    const doubt = this.#doubt;
    const stays = doubt !== undefined && Math.abs(now - doubt.now - (steady - doubt.steady)) < DAY_MS / 24;
    if (!stays) this.#doubt = { now, steady };
    else if (steady - doubt.steady >= DAY_MS && steady - this.#began >= DAY_MS) {
      this.#lastTick = now;
      return undefined;
    }
    return 'the clock differs by more than a day from the newest alert; nothing is deleted until a day has passed';
  }

  #relearn(): void {
    this.#seen.clear();
    const marks = this.#options.db.prepare<[], { message: string }>('SELECT message FROM seen').all();
    for (const { message } of marks) this.#seen.add(message);
  }

  #steady(): number {
    return this.#options.steadyMs?.() ?? performance.now();
  }
}

function rowOf({ record, time }: ReceivedEvent): (AlertRow & { sid: number; gid: number })[] {
  const alert = record['alert'] as { signature_id?: unknown; gid?: unknown } | undefined;
  const sid = alert?.signature_id;
  const [src, dst] = [record['src_ip'], record['dest_ip']].map((value) =>
    typeof value === 'string' ? normalAddress(value) : undefined,
  );
  if (typeof sid !== 'number' || !Number.isSafeInteger(sid) || src === undefined || dst === undefined)
    return [];
  const said = typeof record['timestamp'] === 'string' ? Date.parse(record['timestamp']) : NaN;
  const at = Number.isNaN(said) ? Date.parse(time) : said;
  const gid = typeof alert?.gid === 'number' && Number.isSafeInteger(alert.gid) ? alert.gid : 1;
  return Number.isNaN(at) ? [] : [{ sid, gid, time: at, src, dst }];
}
