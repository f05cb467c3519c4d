import type { Job, JobTarget, Target } from '../api/results.ts';
import type { Database } from '../store/database.ts';

const KEPT = 100;

/** What is known of one IDS, over restarts. */
export interface TargetRecord extends Target {
  /** Files that were delivered to it and not taken away. */
  delivered: string[];
  /** Version that it refused, and that is not tried again by itself. */
  refusedVersion?: string;
  /** Failures in a row that are not the ruleset's fault. */
  failures: number;
  /** Not tried again before: ms since 1970. */
  notBeforeMs: number;
}

/** Jobs and what is known of each IDS. */
export class JobStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Newest first. */
  list(limit: number): Job[] {
    return this.#db
      .prepare<[number], { body: string }>('SELECT body FROM jobs ORDER BY seq DESC LIMIT ?')
      .all(limit)
      .map(({ body }) => JSON.parse(body) as Job);
  }

  put(job: Job): void {
    const body = JSON.stringify(job);
    this.#db.transaction(() => {
      const { changes } = this.#db.prepare('UPDATE jobs SET body = ? WHERE id = ?').run(body, job.id);
      if (changes === 0) this.#db.prepare('INSERT INTO jobs (id, body) VALUES (?, ?)').run(job.id, body);
      this.#db.prepare('DELETE FROM jobs WHERE seq <= (SELECT max(seq) FROM jobs) - ?').run(KEPT);
    })();
  }

  target(name: string): TargetRecord {
    const row = this.#db
      .prepare<[string], { body: string }>('SELECT body FROM targets WHERE name = ?')
      .get(name);
    return row === undefined
      ? { name, state: 'unknown', delivered: [], failures: 0, notBeforeMs: 0 }
      : (JSON.parse(row.body) as TargetRecord);
  }

  putTarget(target: TargetRecord): void {
    this.#db.prepare('INSERT OR REPLACE INTO targets VALUES (?, ?)').run(target.name, JSON.stringify(target));
  }

  targets(): TargetRecord[] {
    return this.#db
      .prepare<[], { body: string }>('SELECT body FROM targets ORDER BY name')
      .all()
      .map(({ body }) => JSON.parse(body) as TargetRecord);
  }

  dropTarget(name: string): void {
    this.#db.prepare('DELETE FROM targets WHERE name = ?').run(name);
  }

  fact(name: string): string | undefined {
    return this.#db.prepare<[string], { value: string }>('SELECT value FROM facts WHERE name = ?').get(name)
      ?.value;
  }

  putFact(name: string, value: string | undefined): void {
    if (value === undefined) this.#db.prepare('DELETE FROM facts WHERE name = ?').run(name);
    else this.#db.prepare('INSERT OR REPLACE INTO facts VALUES (?, ?)').run(name, value);
  }

  /** Rules that the IDS refused, of sources that may be taken in part. */
  exclusions(): Map<number, string> {
    const rows = this.#db
      .prepare<[], { sid: number; digest: string }>('SELECT sid, digest FROM exclusions')
      .all();
    return new Map(rows.map(({ sid, digest }) => [sid, digest]));
  }

  exclusion(sid: number): { digest: string; message: string } | undefined {
    return this.#db
      .prepare<[number], { digest: string; message: string }>(
        'SELECT digest, message FROM exclusions WHERE sid = ?',
      )
      .get(sid);
  }

  exclude(sid: number, digest: string, code: string, message: string): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO exclusions VALUES (?, ?, ?, ?, ?)')
      .run(sid, digest, code, message, new Date().toISOString());
  }

  /** Gives refused rules a new chance: the IDS or what it can may have changed. */
  clearExclusions(): void {
    this.#db.prepare('DELETE FROM exclusions').run();
  }
}

/** A job's word on one IDS, at its next stage. */
export function stageOf(name: string, stage: JobTarget['stage'], more: Partial<JobTarget> = {}): JobTarget {
  return { name, stage, since: new Date().toISOString(), ...more };
}
