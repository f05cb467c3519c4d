import type { Database } from 'better-sqlite3';
import type { FleetEvent, SuppressionRule } from '@bulkhead/fleet-api';
import { BulkheadError, parseRange } from '@bulkhead/platform/kernel';
import { suppressorOf, type ActingRule, type Suppressor } from '../store/suppress.ts';
import { deskId } from './ids.ts';

/** Who did something. */
export interface Who {
  id: string;
  name: string;
}

/** A suppression as it is kept; times in ms. */
export interface KeptSuppression {
  id: string;
  rule: SuppressionRule;
  text: string | undefined;
  by: Who;
  atMs: number;
  reason: string;
  expiresMs: number;
  ended: (Who & { atMs: number }) | undefined;
  /** Alerts that it covered when they came, by sensor. */
  hits: readonly { sensor: string; n: number; lastMs: number }[];
}

/** What a new one is made of. */
export interface NewSuppression {
  rule: SuppressionRule;
  text: string | undefined;
  reason: string;
  expiresMs: number;
}

interface Row {
  id: string;
  signature: string;
  text: string | null;
  address: string | null;
  side: SuppressionRule['side'];
  sensors: string | null;
  by_id: string;
  by_name: string;
  at: number;
  reason: string;
  expires: number;
  ended_by_id: string | null;
  ended_by_name: string | null;
  ended_at: number | null;
}

const DAY_MS = 86_400_000;
export const SUPPRESSION_LIMITS = Object.freeze({
  /** That act at the same time. */
  acting: 500,
  /** And of one person, so that nobody uses up what all share. */
  actingOfOne: 100,
  longestDays: 366,
  /** How long what ended is shown. */
  keptDays: 30,
});

/**
 * What people do not want to see for a while. It hides and silences at the fleet and changes nothing else: what is covered is stored
 * like everything, and shows again as soon as the suppression is over.
 *
 * INVARIANTS: what acts is judged from memory, by the same rules here and in the store's thread. Something that is past its expiry
 * covers nothing, whether or not anybody was told. Hits are written now and then: those of the last half minute may be lost.
 */
export class Suppressions {
  readonly #db: Database;
  readonly #clock: () => number;
  #acting: readonly (ActingRule & { expiresMs: number })[] = [];
  #judge: Suppressor = () => undefined;
  /** When the next one ends by itself. */
  #nextEndMs = Infinity;
  readonly #hits = new Map<string, { suppression: string; sensor: string; n: number; lastMs: number }>();

  constructor(db: Database, clock: () => number = Date.now) {
    this.#db = db;
    this.#clock = clock;
    this.#read();
  }

  /** Those that act now. */
  acting(): readonly ActingRule[] {
    if (this.#clock() >= this.#nextEndMs) this.#read();
    return this.#acting;
  }

  /** Which one covers an event now. */
  covering(event: Pick<FleetEvent, 'sensor' | 'record'>): string | undefined {
    return this.acting().length === 0 ? undefined : this.#judge(event);
  }

  /** The same, for an event that just came: it is counted. */
  arrived(event: Pick<FleetEvent, 'sensor' | 'record'>): string | undefined {
    const suppression = this.covering(event);
    if (suppression === undefined) return undefined;
    const key = `${suppression} ${event.sensor}`;
    const before = this.#hits.get(key)?.n ?? 0;
    this.#hits.set(key, { suppression, sensor: event.sensor, n: before + 1, lastMs: this.#clock() });
    return suppression;
  }

  /** @throws BulkheadError FLEET_EVENTS_FILTER_INVALID, FLEET_EVENTS_SUPPRESSIONS_FULL */
  add({ rule, text, reason, expiresMs }: NewSuppression, by: Who): KeptSuppression {
    const now = this.#clock();
    if (rule.address !== undefined && parseRange(rule.address) === undefined)
      throw invalid('address', 'is neither an address nor a network');
    if (expiresMs <= now || expiresMs > now + SUPPRESSION_LIMITS.longestDays * DAY_MS)
      throw invalid(
        'expires',
        `must be in the future, at most ${String(SUPPRESSION_LIMITS.longestDays)} days ahead`,
      );
    const own = this.#db
      .prepare(
        'SELECT count(*) FROM events_suppressions WHERE by_id = ? AND ended_at IS NULL AND expires > ?',
      )
      .pluck()
      .get(by.id, now) as number;
    const all = this.acting().length;
    if (all >= SUPPRESSION_LIMITS.acting || own >= SUPPRESSION_LIMITS.actingOfOne) {
      throw new BulkheadError({
        code: 'FLEET_EVENTS_SUPPRESSIONS_FULL',
        message: `There are ${String(all)} suppressions that act already, ${String(own)} of them yours.`,
      });
    }
    this.#forgetOld(now);
    const id = deskId('x');
    this.#db
      .prepare(
        'INSERT INTO events_suppressions (id, signature, text, address, side, sensors, by_id, by_name, at, reason, expires) ' +
          'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        ...[id, rule.signature, text ?? null, rule.address ?? null, rule.side],
        ...[rule.sensors === undefined ? null : JSON.stringify(rule.sensors)],
        ...[by.id, by.name, now, reason, expiresMs],
      );
    this.#read();
    return this.#found(id);
  }

  /** Takes one back; one that is over stays as it is. @throws BulkheadError FLEET_EVENTS_SUPPRESSION_UNKNOWN */
  end(id: string, by: Who): KeptSuppression {
    const now = this.#clock();
    this.#db
      .prepare(
        'UPDATE events_suppressions SET ended_by_id = ?, ended_by_name = ?, ended_at = ? ' +
          'WHERE id = ? AND ended_at IS NULL AND expires > ?',
      )
      .run(by.id, by.name, now, id, now);
    this.#read();
    return this.#found(id);
  }

  /** @throws BulkheadError FLEET_EVENTS_SUPPRESSION_UNKNOWN */
  find(id: string): KeptSuppression {
    return this.#found(id);
  }

  /** The newest first; what ended some time ago is forgotten. */
  list(): KeptSuppression[] {
    this.flush();
    this.#forgetOld(this.#clock());
    const rows = this.#db.prepare<[], Row>('SELECT * FROM events_suppressions ORDER BY at DESC, id').all();
    return rows.map((row) => this.#keptOf(row));
  }

  isActing({ ended, expiresMs }: Pick<KeptSuppression, 'ended' | 'expiresMs'>): boolean {
    return ended === undefined && expiresMs > this.#clock();
  }

  /** Writes down what was counted. */
  flush(): void {
    if (this.#hits.size === 0) return;
    const add = this.#db.prepare(
      'INSERT INTO events_suppression_hits SELECT id, ?, ?, ? FROM events_suppressions WHERE id = ? ' +
        'ON CONFLICT DO UPDATE SET n = n + excluded.n, last = max(last, excluded.last)',
    );
    this.#db.transaction(() => {
      for (const { suppression, sensor, n, lastMs } of this.#hits.values())
        add.run(sensor, n, lastMs, suppression);
    })();
    this.#hits.clear();
  }

  #read(): void {
    const now = this.#clock();
    const rows = this.#db
      .prepare<[number], Row>('SELECT * FROM events_suppressions WHERE ended_at IS NULL AND expires > ?')
      .all(now);
    this.#acting = rows.map((row) => ({ id: row.id, ...ruleOf(row), expiresMs: row.expires }));
    this.#judge = suppressorOf(this.#acting);
    this.#nextEndMs = Math.min(Infinity, ...rows.map(({ expires }) => expires));
  }

  #forgetOld(now: number): void {
    const before = now - SUPPRESSION_LIMITS.keptDays * DAY_MS;
    this.#db.prepare('DELETE FROM events_suppressions WHERE coalesce(ended_at, expires) < ?').run(before);
  }

  #found(id: string): KeptSuppression {
    const row = this.#db.prepare<[string], Row>('SELECT * FROM events_suppressions WHERE id = ?').get(id);
    if (row === undefined) {
      throw new BulkheadError({
        code: 'FLEET_EVENTS_SUPPRESSION_UNKNOWN',
        message: `There is no suppression ${id}.`,
        fields: { id },
      });
    }
    return this.#keptOf(row);
  }

  #keptOf(row: Row): KeptSuppression {
    const hits = this.#db
      .prepare<[string], KeptSuppression['hits'][number]>(
        'SELECT sensor, n, last AS lastMs FROM events_suppression_hits WHERE suppression = ?',
      )
      .all(row.id);
    return {
      id: row.id,
      rule: ruleOf(row),
      text: row.text ?? undefined,
      by: { id: row.by_id, name: row.by_name },
      atMs: row.at,
      reason: row.reason,
      expiresMs: row.expires,
      ended:
        row.ended_at === null
          ? undefined
          : { id: row.ended_by_id ?? '', name: row.ended_by_name ?? '', atMs: row.ended_at },
      hits,
    };
  }
}

function ruleOf({ signature, address, side, sensors }: Row): SuppressionRule {
  return {
    ...{ signature, side },
    ...(address === null ? {} : { address }),
    ...(sensors === null ? {} : { sensors: JSON.parse(sensors) as string[] }),
  };
}

function invalid(field: string, what: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_EVENTS_FILTER_INVALID',
    message: `The suppression is not valid: /body/${field}: ${what}.`,
    fields: { pointer: `/body/${field}` },
  });
}
