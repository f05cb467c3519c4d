import type { Database } from 'better-sqlite3';
import type { IssuedCertificate } from './issue.ts';

/** Tables of this room. */
export const CA_MIGRATIONS = [
  {
    room: 'ca',
    version: 1,
    sql: `CREATE TABLE ca_certificates (
      seq INTEGER PRIMARY KEY,
      serial TEXT NOT NULL UNIQUE,
      sensor TEXT NOT NULL,
      key_digest TEXT NOT NULL,
      issued_ms INTEGER NOT NULL,
      not_before_ms INTEGER NOT NULL,
      not_after_ms INTEGER NOT NULL,
      why TEXT NOT NULL,
      renews TEXT,
      first_seen_ms INTEGER,
      revoked_ms INTEGER,
      revoked_why TEXT
    ) STRICT;
    CREATE INDEX ca_certificates_sensor ON ca_certificates (sensor, seq);
    CREATE INDEX ca_certificates_key ON ca_certificates (key_digest);`,
  },
] as const;

/** One certificate of a sensor, as the fleet remembers it. Times in milliseconds since 1970. */
export interface CertificateRecord {
  serial: string;
  sensor: string;
  keyDigest: string;
  issuedMs: number;
  notBeforeMs: number;
  notAfterMs: number;
  why: 'adopted' | 'replaced' | 'renewed' | 'returned';
  /** Serial of the one in whose stead it was issued. */
  renews: string | undefined;
  /** When the sensor first used it. */
  firstSeenMs: number | undefined;
  revokedMs: number | undefined;
  revokedWhy: string | undefined;
}

/** `clone`: somebody else has used a newer certificate of this sensor. `unknown`: ours, but not remembered (an old backup). */
export type Verdict = 'good' | 'revoked' | 'expired' | 'clone' | 'unknown';

/** For so long after a new certificate was first used its predecessor is accepted: connections overlap. */
export const OVERLAP_MS = 5 * 60_000;

interface Row {
  serial: string;
  sensor: string;
  key_digest: string;
  issued_ms: number;
  not_before_ms: number;
  not_after_ms: number;
  why: CertificateRecord['why'];
  renews: string | null;
  first_seen_ms: number | null;
  revoked_ms: number | null;
  revoked_why: string | null;
}

/** What was issued to sensors, and what is still good. Every method is one statement or one transaction. */
export class Certificates {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  record(sensor: string, issued: IssuedCertificate, why: CertificateRecord['why'], renews?: string): void {
    this.#db
      .prepare(
        `INSERT INTO ca_certificates (serial, sensor, key_digest, issued_ms, not_before_ms, not_after_ms, why, renews)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        issued.serial,
        sensor,
        issued.keyDigest,
        this.#now(),
        issued.notBeforeMs,
        issued.notAfterMs,
        why,
        renews ?? null,
      );
  }

  /** The newest of a sensor that is not revoked. */
  newest(sensor: string): CertificateRecord | undefined {
    const row = this.#db
      .prepare<[string], Row>(
        'SELECT * FROM ca_certificates WHERE sensor = ? AND revoked_ms IS NULL ORDER BY seq DESC LIMIT 1',
      )
      .get(sensor);
    return row && toRecord(row);
  }

  /** The newest of each sensor that is not revoked. */
  newestOfAll(): Map<string, CertificateRecord> {
    const rows = this.#db
      .prepare<[], Row>(
        `SELECT * FROM ca_certificates WHERE seq IN
         (SELECT max(seq) FROM ca_certificates WHERE revoked_ms IS NULL GROUP BY sensor)`,
      )
      .all();
    return new Map(rows.map((row) => [row.sensor, toRecord(row)]));
  }

  /** Of one sensor, the newest first, at most 100. */
  of(sensor: string): CertificateRecord[] {
    return this.#db
      .prepare<[string], Row>('SELECT * FROM ca_certificates WHERE sensor = ? ORDER BY seq DESC LIMIT 100')
      .all(sensor)
      .map(toRecord);
  }

  /** Issued to this sensor since. */
  countSince(sensor: string, sinceMs: number): number {
    return this.#db
      .prepare<[string, number], number>(
        'SELECT count(*) FROM ca_certificates WHERE sensor = ? AND issued_ms >= ?',
      )
      .pluck()
      .get(sensor, sinceMs) as number;
  }

  /** Another sensor that has used a certificate for this key: one disk image on two machines. */
  otherHolder(keyDigest: string, sensor: string): string | undefined {
    return this.#db
      .prepare<[string, string], string>(
        'SELECT sensor FROM ca_certificates WHERE key_digest = ? AND sensor <> ? AND first_seen_ms IS NOT NULL LIMIT 1',
      )
      .pluck()
      .get(keyDigest, sensor);
  }

  /**
   * What to think of a certificate of ours that somebody has proved to hold the key of. Good are the newest, and the one in
   * whose stead it was issued until the newest has been in use for {@link OVERLAP_MS}: a reply that got lost costs nothing,
   * and of two holders of one identity the second is found as soon as the first has renewed.
   */
  judge(sensor: string, serial: string, options: { ignoreExpiry?: boolean } = {}): Verdict {
    const row = this.#db
      .prepare<[string, string], Row>('SELECT * FROM ca_certificates WHERE serial = ? AND sensor = ?')
      .get(serial, sensor);
    if (row === undefined) return 'unknown';
    if (row.revoked_ms !== null) return 'revoked';
    const newest = this.newest(sensor);
    if (newest !== undefined && newest.serial !== serial) {
      const { renews, firstSeenMs } = newest;
      const overlaps = firstSeenMs === undefined || this.#now() < firstSeenMs + OVERLAP_MS;
      if (renews !== serial || !overlaps) return 'clone';
    }
    return row.not_after_ms < this.#now() && options.ignoreExpiry !== true ? 'expired' : 'good';
  }

  /** It was used to attach. */
  seen(serial: string): void {
    this.#db
      .prepare('UPDATE ca_certificates SET first_seen_ms = ? WHERE serial = ? AND first_seen_ms IS NULL')
      .run(this.#now(), serial);
  }

  /** All of a sensor, at once and for ever. @returns how many were not revoked before */
  revokeAll(sensor: string, why: string): number {
    return this.#db
      .prepare(
        'UPDATE ca_certificates SET revoked_ms = ?, revoked_why = ? WHERE sensor = ? AND revoked_ms IS NULL',
      )
      .run(this.#now(), why, sensor).changes;
  }
}

function toRecord(row: Row): CertificateRecord {
  return {
    serial: row.serial,
    sensor: row.sensor,
    keyDigest: row.key_digest,
    issuedMs: row.issued_ms,
    notBeforeMs: row.not_before_ms,
    notAfterMs: row.not_after_ms,
    why: row.why,
    renews: row.renews ?? undefined,
    firstSeenMs: row.first_seen_ms ?? undefined,
    revokedMs: row.revoked_ms ?? undefined,
    revokedWhy: row.revoked_why ?? undefined,
  };
}
