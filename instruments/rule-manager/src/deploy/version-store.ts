import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { RulesetVariables } from '@bulkhead/sdk';
import type { RulesetVersion } from '../api/results.ts';
import type { Compiled } from '../compile/compile.ts';
import { RulesError } from '../errors.ts';
import type { Database } from '../store/database.ts';

/** A ruleset that is kept, without where it is live. */
export type KeptVersion = Omit<RulesetVersion, 'liveOn'> & { variables: RulesetVariables };

/** What is delivered of a version. */
export interface VersionContent {
  rules: Buffer;
  /** Empty: no thresholds and suppressions. */
  thresholds: Buffer;
}

const KEPT = 20;
const MAX_UNPACKED = 130 * 2 ** 20;

/**
 * The last rulesets with their text, to deploy and to go back to.
 *
 * INVARIANT: the files of a version are there before its row is, so that every version that is listed can be deployed.
 */
export class VersionStore {
  readonly #db: Database;
  readonly #dir: string;

  constructor(db: Database, persistentDir: string) {
    this.#db = db;
    this.#dir = join(persistentDir, 'versions');
  }

  /** Newest first. */
  list(): KeptVersion[] {
    return this.#db
      .prepare<[], { body: string }>('SELECT body FROM versions ORDER BY seq DESC')
      .all()
      .map(({ body }) => JSON.parse(body) as KeptVersion);
  }

  find(id: string): KeptVersion | undefined {
    const row = this.#db
      .prepare<[string], { body: string }>('SELECT body FROM versions WHERE id = ?')
      .get(id);
    return row === undefined ? undefined : (JSON.parse(row.body) as KeptVersion);
  }

  /** @throws RulesError RULES_UNKNOWN */
  get(id: string): KeptVersion {
    const version = this.find(id);
    if (version === undefined) throw new RulesError('RULES_UNKNOWN', `There is no version ${id}.`);
    return version;
  }

  /** Keeps a version as the newest. @param needed ids that are not dropped, however old */
  async add(version: KeptVersion, compiled: Compiled, needed: readonly string[]): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await this.#write(`${version.id}.rules.gz`, await pack(compiled.rules));
    await this.#write(`${version.id}.threshold.gz`, await pack(compiled.thresholds));
    this.#db.transaction(() => {
      this.#db.prepare('DELETE FROM versions WHERE id = ?').run(version.id);
      this.#db
        .prepare('INSERT INTO versions (id, body) VALUES (?, ?)')
        .run(version.id, JSON.stringify(version));
    })();
    await this.tidy(needed);
  }

  change(id: string, change: Partial<KeptVersion>): void {
    const found = this.find(id);
    if (found === undefined) return;
    const { code: _code, message: _message, ...version } = found;
    this.#db
      .prepare('UPDATE versions SET body = ? WHERE id = ?')
      .run(JSON.stringify({ ...version, ...change }), id);
  }

  /** @throws RulesError RULES_UNKNOWN */
  async content(id: string): Promise<VersionContent> {
    this.get(id);
    try {
      return {
        rules: await unpack(await readFile(join(this.#dir, `${id}.rules.gz`))),
        thresholds: await unpack(await readFile(join(this.#dir, `${id}.threshold.gz`))),
      };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'damaged';
      throw new RulesError('RULES_UNKNOWN', `The files of version ${id} cannot be read: ${code}.`);
    }
  }

  /** Takes lines away from the suppressions of every kept version. @returns how many */
  async removeSuppressions(isGone: (line: string) => boolean): Promise<number> {
    let removed = 0;
    for (const { id } of this.list()) {
      const { thresholds } = await this.content(id).catch(() => ({ thresholds: Buffer.alloc(0) }));
      const lines = thresholds.toString('utf8').split('\n');
      const left = lines.filter((line) => !isGone(line));
      if (left.length === lines.length) continue;
      removed += lines.length - left.length;
      await this.#write(`${id}.threshold.gz`, await pack(left.join('\n')));
    }
    return removed;
  }

  /** Lines of suppressions in kept versions that a test says yes to. */
  async countSuppressions(isMeant: (line: string) => boolean): Promise<number> {
    let count = 0;
    for (const { id } of this.list()) {
      const { thresholds } = await this.content(id).catch(() => ({ thresholds: Buffer.alloc(0) }));
      count += thresholds.toString('utf8').split('\n').filter(isMeant).length;
    }
    return count;
  }

  /** Drops old versions and files that belong to none. */
  async tidy(needed: readonly string[]): Promise<void> {
    for (const { id } of this.list().slice(KEPT)) {
      if (!needed.includes(id)) this.#db.prepare('DELETE FROM versions WHERE id = ?').run(id);
    }
    const kept = new Set(this.list().map(({ id }) => id));
    for (const name of await readdir(this.#dir).catch(() => [])) {
      if (!kept.has(name.slice(0, 16)) || name.endsWith('.new'))
        await rm(join(this.#dir, name), { force: true });
    }
  }

  async #write(name: string, content: Buffer): Promise<void> {
    const path = join(this.#dir, name);
    await writeFile(`${path}.new`, content, { mode: 0o600, flush: true });
    await rename(`${path}.new`, path);
  }
}

const deflate = promisify(gzip);
const inflate = promisify(gunzip);

function pack(text: string): Promise<Buffer> {
  return deflate(text, { level: 3 });
}

function unpack(bytes: Buffer): Promise<Buffer> {
  return inflate(bytes, { maxOutputLength: MAX_UNPACKED });
}
