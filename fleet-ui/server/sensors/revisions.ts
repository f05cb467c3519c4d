import type { Database } from 'better-sqlite3';

export type RevisionState = 'waiting' | 'sent' | 'applied' | 'failed' | 'superseded';
export type RevisionCause = 'base' | 'group' | 'sensor' | 'mapping' | 'rollback' | 'resend';

/** One thing that the fleet wanted a sensor to be. Times in milliseconds since 1970. */
export interface DesiredRevision {
  sensor: string;
  number: number;
  /** YAML. */
  document: string;
  author: string;
  reason: string;
  atMs: number;
  cause: RevisionCause;
  restores: number | undefined;
  state: RevisionState;
  resultMs: number | undefined;
  code: string | undefined;
  message: string | undefined;
  /** Number in the sensor's own history. */
  sensorRevision: number | undefined;
  /** Whether the sensor may have it from here; otherwise what it has under that number is something else. */
  handed: boolean;
}

interface Row {
  sensor: string;
  number: number;
  document: string;
  author: string;
  reason: string;
  at_ms: number;
  cause: RevisionCause;
  restores: number | null;
  state: RevisionState;
  result_ms: number | null;
  code: string | null;
  message: string | null;
  sensor_revision: number | null;
  handed: number;
}

const KEPT = 200;

/** What was wanted of each sensor, numbered, with what became of it. Every method is one statement or one transaction. */
export class Revisions {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  newest(sensor: string): DesiredRevision | undefined {
    const row = this.#db
      .prepare<[string], Row>('SELECT * FROM sensors_revisions WHERE sensor = ? ORDER BY number DESC LIMIT 1')
      .get(sensor);
    return row && toRevision(row);
  }

  /** Without the documents' text, which a list of a thousand sensors does not need. */
  newestOfAll(): Map<string, DesiredRevision> {
    const rows = this.#db
      .prepare<[], Row>(
        `SELECT sensor, number, '' AS document, author, reason, at_ms, cause, restores, state, result_ms, code, message,
         sensor_revision, handed FROM sensors_revisions AS one
         WHERE number = (SELECT max(number) FROM sensors_revisions WHERE sensor = one.sensor)`,
      )
      .all();
    return new Map(rows.map((row) => [row.sensor, toRevision(row)]));
  }

  /** Number of the newest that each sensor said to have in force. */
  appliedOfAll(): Map<string, number> {
    const rows = this.#db
      .prepare<[], { sensor: string; number: number }>(
        `SELECT sensor, max(number) AS number FROM sensors_revisions WHERE state = 'applied' GROUP BY sensor`,
      )
      .all();
    return new Map(rows.map(({ sensor, number }) => [sensor, number]));
  }

  find(sensor: string, number: number): DesiredRevision | undefined {
    const row = this.#db
      .prepare<[string, number], Row>('SELECT * FROM sensors_revisions WHERE sensor = ? AND number = ?')
      .get(sensor, number);
    return row && toRevision(row);
  }

  /** The newest first, at most 200. */
  of(sensor: string): DesiredRevision[] {
    return this.#db
      .prepare<[string], Row>(
        'SELECT * FROM sensors_revisions WHERE sensor = ? ORDER BY number DESC LIMIT 200',
      )
      .all(sensor)
      .map(toRevision);
  }

  /** A new one; those that were still on their way are superseded. @param above its number is higher than this too */
  add(
    revision: Pick<DesiredRevision, 'sensor' | 'document' | 'author' | 'reason' | 'cause' | 'restores'>,
    above: number,
  ): DesiredRevision {
    const { sensor } = revision;
    const number = Math.max(this.newest(sensor)?.number ?? 0, above) + 1;
    this.#db
      .prepare(
        `UPDATE sensors_revisions SET state = 'superseded' WHERE sensor = ? AND state IN ('waiting', 'sent')`,
      )
      .run(sensor);
    this.#db
      .prepare(
        `INSERT INTO sensors_revisions (sensor, number, document, author, reason, at_ms, cause, restores, state, handed)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 0)`,
      )
      .run(
        sensor,
        number,
        revision.document,
        revision.author,
        revision.reason,
        this.#now(),
        revision.cause,
        revision.restores ?? null,
      );
    this.#db
      .prepare(
        `DELETE FROM sensors_revisions WHERE sensor = ? AND number <= ? AND state <> 'applied'
         OR sensor = ? AND number <= ?`,
      )
      .run(sensor, number - KEPT, sensor, number - 2 * KEPT);
    return this.find(sensor, number) ?? raise();
  }

  sent(sensor: string, number: number): void {
    this.#db
      .prepare(
        `UPDATE sensors_revisions SET state = 'sent', handed = 1 WHERE sensor = ? AND number = ? AND state = 'waiting'`,
      )
      .run(sensor, number);
  }

  /** What the sensor has under this number is no riddle any more. */
  handed(sensor: string, number: number): void {
    this.#db
      .prepare('UPDATE sensors_revisions SET handed = 1 WHERE sensor = ? AND number = ?')
      .run(sensor, number);
  }

  /** It went before the sensor had answered: it is sent again when it is back. @param number only this one */
  unsent(sensor: string, number?: number): void {
    this.#db
      .prepare(
        `UPDATE sensors_revisions SET state = 'waiting' WHERE sensor = ? AND state = 'sent' AND number = coalesce(?, number)`,
      )
      .run(sensor, number ?? null);
  }

  /** What the sensor said. Also of one that was superseded meanwhile: then only that it was in force is noted. */
  result(
    sensor: string,
    number: number,
    result: { ok: boolean; code: string; message: string; sensorRevision: number | undefined },
  ): boolean {
    const changed = this.#db
      .prepare(
        `UPDATE sensors_revisions SET state = ?, result_ms = ?, code = ?, message = ?, sensor_revision = ?
         WHERE sensor = ? AND number = ?`,
      )
      .run(
        result.ok ? 'applied' : 'failed',
        this.#now(),
        result.ok ? null : result.code.slice(0, 80),
        result.ok ? null : result.message.slice(0, 4000),
        result.sensorRevision ?? null,
        sensor,
        number,
      );
    return changed.changes > 0;
  }
}

function raise(): never {
  throw new Error('a row that was just written is not there');
}

function toRevision(row: Row): DesiredRevision {
  return {
    sensor: row.sensor,
    number: row.number,
    document: row.document,
    author: row.author,
    reason: row.reason,
    atMs: row.at_ms,
    cause: row.cause,
    restores: row.restores ?? undefined,
    state: row.state,
    resultMs: row.result_ms ?? undefined,
    code: row.code ?? undefined,
    message: row.message ?? undefined,
    sensorRevision: row.sensor_revision ?? undefined,
    handed: row.handed === 1,
  };
}
