import { randomBytes } from 'node:crypto';
import type { Change } from '../api/results.ts';
import { RulesError } from '../errors.ts';
import type { Database } from '../store/database.ts';
import type { AnyDocument, Bodies, Document, Kind, Scope } from './schemas.ts';

/** Who does something, and why. */
export interface By {
  author: string;
  reason: string;
}

/** What a new document is made of. */
export interface NewDocument<K extends Kind> {
  kind: K;
  /** What it is about: the name of a source, the sid of a rule. */
  subject: string;
  scope: Scope;
  body: Bodies[K];
  expires?: string | undefined;
}

interface Row {
  id: string;
  kind: Kind;
  scope: string;
  body: string;
  author: string;
  time: string;
  reason: string;
  expires: number | null;
}

const MAX_DOCUMENTS = 20_000;
const MAX_HISTORY = 50_000;
/** Longest text of before or after that history keeps. */
const MAX_TEXT = 16_384;

/**
 * What people want, and who wanted it when.
 *
 * INVARIANT: a document and its line of history change in one transaction.
 */
export class DocumentStore {
  readonly #db: Database;
  readonly #changed: () => void;

  /** @param changed called after every change of a document */
  constructor(db: Database, changed: () => void) {
    this.#db = db;
    this.#changed = changed;
  }

  /** Documents that are not removed, those that expired included until {@link expire} is called; oldest first. */
  list<K extends Kind>(kind: K): Document<K>[];
  list(kind?: Kind): AnyDocument[];
  list(kind?: Kind): AnyDocument[] {
    const rows = this.#db
      .prepare<[string | null, string | null], Row>(
        'SELECT * FROM documents WHERE ? IS NULL OR kind = ? ORDER BY time, id',
      )
      .all(kind ?? null, kind ?? null);
    return rows.map(documentOf);
  }

  /** Documents about one subject. */
  about(kind: Kind, subject: string): AnyDocument[] {
    return this.#db
      .prepare<[string, string], Row>(
        'SELECT * FROM documents WHERE kind = ? AND subject = ? ORDER BY time, id',
      )
      .all(kind, subject)
      .map(documentOf);
  }

  /** @throws RulesError RULES_UNKNOWN */
  get<K extends Kind>(kind: K, id: string): Document<K> {
    const row = this.#db
      .prepare<[string, string], Row>('SELECT * FROM documents WHERE id = ? AND kind = ?')
      .get(id, kind);
    if (row === undefined) throw new RulesError('RULES_UNKNOWN', `There is no ${kind} with the id ${id}.`);
    return documentOf(row) as unknown as Document<K>;
  }

  /** @throws RulesError RULES_TOO_MANY */
  add<K extends Kind>(wanted: NewDocument<K>, by: By): Document<K> {
    const { n } = this.#db.prepare<[], { n: number }>('SELECT count(*) AS n FROM documents').get() ?? {
      n: 0,
    };
    if (n >= MAX_DOCUMENTS) {
      throw new RulesError('RULES_TOO_MANY', `There are ${String(n)} changes, suppressions and sources.`);
    }
    return this.#put(randomBytes(8).toString('hex'), wanted, by, undefined);
  }

  /** Puts a document back as it was. */
  restore(document: AnyDocument): void {
    const { body } = document;
    const subject =
      document.kind === 'source' ? document.body.name : 'sid' in body ? String(body.sid) : 'variables';
    this.#write(document, subject);
    this.#note(
      {
        author: 'rule-manager',
        reason: 'Restored from its copy.',
        action: 'add',
        kind: document.kind,
        subject,
      },
      undefined,
      document,
    );
    this.#changed();
  }

  /** Replaces scope, body and expiry of a document. @throws RulesError RULES_UNKNOWN */
  change<K extends Kind>(id: string, wanted: NewDocument<K>, by: By): Document<K> {
    return this.#put(id, wanted, by, this.get(wanted.kind, id));
  }

  /** @throws RulesError RULES_UNKNOWN */
  remove(kind: Kind, id: string, by: By, action: Change['action'] = 'remove'): void {
    const old = this.get(kind, id);
    this.#db.transaction(() => {
      const { subject = '' } =
        this.#db
          .prepare<[string], { subject: string }>('SELECT subject FROM documents WHERE id = ?')
          .get(id) ?? {};
      this.#db.prepare('DELETE FROM documents WHERE id = ?').run(id);
      this.#note({ ...by, action, kind, subject }, old, undefined);
    })();
    this.#changed();
  }

  /** Removes what has expired. @returns how many documents */
  expire(nowMs: number): number {
    const rows = this.#db
      .prepare<[number], { id: string; kind: Kind }>('SELECT id, kind FROM documents WHERE expires <= ?')
      .all(nowMs);
    for (const { id, kind } of rows) {
      this.remove(kind, id, { author: 'rule-manager', reason: 'Its time was over.' }, 'expire');
    }
    return rows.length;
  }

  /** When the next document expires, in ms since 1970. */
  nextExpiry(): number | undefined {
    const row = this.#db.prepare<[], { at: number | null }>('SELECT min(expires) AS at FROM documents').get();
    return row?.at ?? undefined;
  }

  counts(): Record<Kind, number> {
    const counts: Record<Kind, number> = { source: 0, rule: 0, variables: 0, suppression: 0 };
    const rows = this.#db
      .prepare<[], { kind: Kind; n: number }>('SELECT kind, count(*) AS n FROM documents GROUP BY kind')
      .all();
    for (const { kind, n } of rows) counts[kind] = n;
    return counts;
  }

  /** Writes a line of history for something that is no document: a deployment, an import. */
  note(line: By & Pick<Change, 'action' | 'kind' | 'subject'>): void {
    this.#note(line, undefined, undefined);
  }

  /** History, newest first. */
  history(
    asked: { kind?: string | undefined; subject?: string | undefined },
    limit: number,
    offset: number,
  ): { changes: Change[]; total: number } {
    const where = '(@kind IS NULL OR kind = @kind) AND (@subject IS NULL OR subject = @subject)';
    const values = { kind: asked.kind ?? null, subject: asked.subject ?? null };
    const { n: total } = this.#db
      .prepare<[typeof values], { n: number }>(`SELECT count(*) AS n FROM history WHERE ${where}`)
      .get(values) ?? { n: 0 };
    const rows = this.#db
      .prepare<
        [typeof values & { limit: number; offset: number }],
        Omit<Change, 'old' | 'new'> & { old: string | null; new: string | null }
      >(`SELECT * FROM history WHERE ${where} ORDER BY id DESC LIMIT @limit OFFSET @offset`)
      .all({ ...values, limit, offset });
    return {
      total,
      changes: rows.map(({ old, new: now, ...rest }) => ({
        ...rest,
        ...(old === null ? {} : { old }),
        ...(now === null ? {} : { new: now }),
      })),
    };
  }

  #put<K extends Kind>(
    id: string,
    wanted: NewDocument<K>,
    by: By,
    old: Document<K> | undefined,
  ): Document<K> {
    const { kind, subject, scope, body, expires } = wanted;
    const document: Document<K> = {
      id,
      kind,
      scope,
      body,
      author: by.author,
      time: new Date().toISOString(),
      reason: by.reason,
      ...(expires === undefined ? {} : { expires: new Date(expires).toISOString() }),
    };
    this.#db.transaction(() => {
      this.#write(document as unknown as AnyDocument, subject);
      this.#note({ ...by, action: old === undefined ? 'add' : 'change', kind, subject }, old, document);
    })();
    this.#changed();
    return document;
  }

  #write({ id, kind, scope, body, author, time, reason, expires }: AnyDocument, subject: string): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        id,
        kind,
        subject,
        JSON.stringify(scope),
        JSON.stringify(body),
        author,
        time,
        reason,
        expires === undefined ? null : Date.parse(expires),
      );
  }

  #note(line: By & Pick<Change, 'action' | 'kind' | 'subject'>, old: unknown, now: unknown): void {
    const { lastInsertRowid } = this.#db
      .prepare(
        'INSERT INTO history (time, author, action, kind, subject, reason, old, new) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        new Date().toISOString(),
        line.author,
        line.action,
        line.kind,
        line.subject,
        line.reason,
        textOf(old),
        textOf(now),
      );
    this.#db.prepare('DELETE FROM history WHERE id <= ?').run(Number(lastInsertRowid) - MAX_HISTORY);
  }
}

function documentOf(row: Row): AnyDocument {
  return {
    id: row.id,
    kind: row.kind,
    scope: JSON.parse(row.scope) as Scope,
    body: JSON.parse(row.body) as never,
    author: row.author,
    time: row.time,
    reason: row.reason,
    ...(row.expires === null ? {} : { expires: new Date(row.expires).toISOString() }),
  };
}

/** Text for the history; values of parameters (access codes) are left out. */
function textOf(document: unknown): string | null {
  if (document === undefined) return null;
  const text = JSON.stringify(document, (key, value: unknown) =>
    key === 'parameters' && typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.keys(value).map((name) => [name, '…']))
      : value,
  );
  return text.slice(0, MAX_TEXT);
}
