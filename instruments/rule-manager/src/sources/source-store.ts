import type { Fault, SourceState, SourceVersion } from '../api/results.ts';
import type { PlacedRule } from '../rules/rule-lines.ts';
import { compareTexts } from '../documents/scope.ts';
import type { Database } from '../store/database.ts';
import type { IndexEntry } from './catalogue.ts';

/** What a file of a source turned out to be. */
export interface SourceFile {
  digest: string;
  bytes: number;
  skipped: number;
  faults: readonly Fault[];
}

interface FileRow {
  id: number;
  source: string;
  digest: string;
  time: string;
  bytes: number;
  rules: number;
  skipped: number;
  state: 'reading' | 'good' | 'old' | 'refused';
  code: string | null;
  message: string | null;
  faults: string;
}

type Download = NonNullable<SourceState['download']>;

/** Rules that are written or removed before others get their turn: some 20 ms of work. */
const STEP = 1_000;
const MOST_MERGES = 200;

/**
 * Files of sources and the rules in them.
 *
 * INVARIANTS: of each source at most one file is `good`. A new one is written beside it, in many small transactions, and takes its
 * place in one; what a crash left half written is removed at the next start. `put` is called for one source at a time.
 */
export class SourceStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Removes what a crash left behind, and files of sources that are gone. */
  async tidy(sources: readonly string[]): Promise<void> {
    const gone = this.#db
      .prepare<[], { source: string }>('SELECT DISTINCT source FROM source_files')
      .all()
      .map(({ source }) => source)
      .filter((source) => !sources.includes(source));
    for (const source of gone) this.#forget(source);
    await this.#sweep();
  }

  /** Makes a file's rules those of the source. */
  async put(source: string, file: SourceFile, rules: Iterable<PlacedRule>): Promise<void> {
    const sorted = [...rules].sort((a, b) => a.sid - b.sid);
    const version = this.#add(source, file, 'reading', sorted.length);
    const addRule = this.#db.prepare(
      'INSERT INTO rules (version, sid, gid, rev, action, msg, classtype, priority, enabled, text, refs, metadata, file, line) ' +
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    const addWords = this.#db.prepare(
      'INSERT INTO rule_words (rowid, msg, classtype, refs, content) VALUES (?, ?, ?, ?, ?)',
    );
    for (let at = 0; at < sorted.length; at += STEP) {
      this.#db.transaction(() => {
        for (const rule of sorted.slice(at, at + STEP)) {
          const refs = JSON.stringify(rule.references);
          const { lastInsertRowid } = addRule.run(
            version,
            rule.sid,
            rule.gid,
            rule.rev,
            rule.action,
            rule.msg,
            rule.classtype ?? null,
            rule.priority ?? null,
            rule.enabled ? 1 : 0,
            rule.text,
            refs,
            JSON.stringify(rule.metadata),
            rule.file,
            rule.line,
          );
          addWords.run(lastInsertRowid, rule.msg, rule.classtype ?? '', refs, rule.content);
        }
      })();
      await turn();
    }
    this.#db.transaction(() => {
      this.#db
        .prepare("UPDATE source_files SET state = 'old' WHERE source = ? AND state = 'good'")
        .run(source);
      this.#db.prepare("UPDATE source_files SET state = 'good' WHERE id = ?").run(version);
      this.#db.prepare("DELETE FROM source_files WHERE source = ? AND state = 'refused'").run(source);
    })();
    await this.#sweep();
    await this.#mergeWords();
  }

  /** Remembers a file that was not taken; the one in use stays. */
  refuse(source: string, file: SourceFile, reason: { code: string; message: string }): void {
    this.#db.transaction(() => {
      this.#db.prepare("DELETE FROM source_files WHERE source = ? AND state = 'refused'").run(source);
      this.#add(source, file, 'refused', 0, reason);
    })();
  }

  /** The file in use, and the one that was refused after it. */
  files(source: string): { good?: SourceVersion; refused?: SourceVersion } {
    const rows = this.#db
      .prepare<[string], FileRow>(
        "SELECT * FROM source_files WHERE source = ? AND state IN ('good', 'refused') ORDER BY id",
      )
      .all(source);
    const good = rows.find(({ state }) => state === 'good');
    const refused = rows.find(({ state, id }) => state === 'refused' && id > (good?.id ?? 0));
    return {
      ...(good === undefined ? {} : { good: versionOf(good) }),
      ...(refused === undefined ? {} : { refused: versionOf(refused) }),
    };
  }

  /** Row number of each source's file in use, in the order of names. */
  current(): Map<string, number> {
    const rows = this.#db
      .prepare<[], { source: string; id: number }>("SELECT source, id FROM source_files WHERE state = 'good'")
      .all();
    return new Map(
      rows.sort((a, b) => compareTexts(a.source, b.source)).map(({ source, id }) => [source, id]),
    );
  }

  counts(source: string): { all: number; enabled: number } {
    const row = this.#db
      .prepare<[string], { n: number; on: number | null }>(
        'SELECT count(*) AS n, sum(enabled) AS "on" FROM rules WHERE version = ' +
          "(SELECT id FROM source_files WHERE source = ? AND state = 'good')",
      )
      .get(source);
    return { all: row?.n ?? 0, enabled: row?.on ?? 0 };
  }

  async remove(source: string): Promise<void> {
    this.#forget(source);
    await this.#sweep();
  }

  /** What a catalogue lists. */
  putCatalogue(source: string, file: SourceFile, entries: readonly IndexEntry[]): void {
    this.#db.transaction(() => {
      this.#db.prepare('DELETE FROM source_files WHERE source = ?').run(source);
      this.#add(source, file, 'good', 0);
      this.#db.prepare('INSERT OR REPLACE INTO catalogue VALUES (?, ?)').run(source, JSON.stringify(entries));
    })();
  }

  catalogue(source: string): IndexEntry[] {
    const row = this.#db
      .prepare<[string], { entries: string }>('SELECT entries FROM catalogue WHERE source = ?')
      .get(source);
    return row === undefined ? [] : (JSON.parse(row.entries) as IndexEntry[]);
  }

  download(source: string): Download | undefined {
    const row = this.#db
      .prepare<[string], { state: string }>('SELECT state FROM downloads WHERE source = ?')
      .get(source);
    return row === undefined ? undefined : (JSON.parse(row.state) as Download);
  }

  putDownload(source: string, state: Download): void {
    this.#db.prepare('INSERT OR REPLACE INTO downloads VALUES (?, ?)').run(source, JSON.stringify(state));
  }

  #add(
    source: string,
    file: SourceFile,
    state: FileRow['state'],
    rules: number,
    reason?: { code: string; message: string },
  ): number {
    const { lastInsertRowid } = this.#db
      .prepare(
        'INSERT INTO source_files (source, digest, time, bytes, rules, skipped, state, code, message, faults) ' +
          'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        source,
        file.digest,
        new Date().toISOString(),
        file.bytes,
        rules,
        file.skipped,
        state,
        reason?.code ?? null,
        reason?.message ?? null,
        JSON.stringify(file.faults),
      );
    return Number(lastInsertRowid);
  }

  #forget(source: string): void {
    this.#db.transaction(() => {
      this.#db.prepare("UPDATE source_files SET state = 'old' WHERE source = ?").run(source);
      this.#db.prepare('DELETE FROM catalogue WHERE source = ?').run(source);
      this.#db.prepare('DELETE FROM downloads WHERE source = ?').run(source);
    })();
  }

  /** Joins the parts of the index of words, so that each search looks into one. */
  async #mergeWords(): Promise<void> {
    const merge = this.#db.prepare("INSERT INTO rule_words (rule_words, rank) VALUES ('merge', 500)");
    // A step that changed less than two rows found nothing left to do (SQLite FTS5, "The 'merge' Command").
    for (let step = 0; step < MOST_MERGES && merge.run().changes > 1; step += 1) await turn();
  }

  /** Removes the rules of files that are no longer used, then the files. */
  async #sweep(): Promise<void> {
    const old = this.#db
      .prepare<[], { id: number }>("SELECT id FROM source_files WHERE state IN ('old', 'reading')")
      .all();
    const take = this.#db.prepare<[number, number], { id: number }>(
      'SELECT id FROM rules WHERE version = ? LIMIT ?',
    );
    const dropRule = this.#db.prepare('DELETE FROM rules WHERE id = ?');
    const dropWords = this.#db.prepare('DELETE FROM rule_words WHERE rowid = ?');
    for (const { id } of old) {
      for (;;) {
        const rows = take.all(id, STEP);
        if (rows.length === 0) break;
        this.#db.transaction(() => {
          for (const row of rows) {
            dropRule.run(row.id);
            dropWords.run(row.id);
          }
        })();
        await turn();
      }
      this.#db.prepare('DELETE FROM source_files WHERE id = ?').run(id);
    }
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function versionOf(row: FileRow): SourceVersion {
  return {
    digest: row.digest,
    time: row.time,
    bytes: row.bytes,
    rules: row.rules,
    skipped: row.skipped,
    ...(row.code === null ? {} : { code: row.code }),
    ...(row.message === null ? {} : { message: row.message }),
    faults: JSON.parse(row.faults) as Fault[],
  };
}
