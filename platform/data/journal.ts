import { mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hasCode } from '../kernel/index.ts';
import type { Seal } from './sealed-file.ts';

const text = z.string().max(2_000);
const EntrySchema = z.object({
  /** ISO 8601. */
  at: z.string().max(40),
  kind: z.enum([
    'export',
    'backup',
    'support-bundle',
    'hold',
    'release',
    'purge.begun',
    'purge.part',
    'purge.done',
  ]),
  by: text,
  what: text,
  where: text.optional(),
  reason: text.optional(),
  requestId: z.string().max(64).optional(),
  records: z.number().optional(),
  bytes: z.number().optional(),
  oldest: z.string().max(40).optional(),
  newest: z.string().max(40).optional(),
});
export type JournalEntry = z.output<typeof EntrySchema>;

/** A file of this size is put away, and so many are kept: half a million entries. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;
const MAX_OLD_FILES = 15;
const CURRENT = 'journal.log';
const OLD = /^journal-(\d{12})\.log$/;

/**
 * What was done with data, line by line: exports, holds, purges. Lines are sealed one by one.
 *
 * INVARIANTS: appends run one after the other; an entry is durable when its `append` resolves. A line that a power cut tore is
 * left out and counted. Entries are never changed; only the oldest file goes when there are too many.
 */
export class Journal {
  readonly #dir: string;
  readonly #seal: Seal;
  #last: Promise<void> = Promise.resolve();

  constructor(dir: string, seal: Seal) {
    this.#dir = dir;
    this.#seal = seal;
  }

  /** @throws what the disk says; then the entry may be missing, and what it is about must not be done. */
  append(entry: JournalEntry): Promise<void> {
    const next = this.#last.then(() => this.#append(entry));
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** All entries, oldest first. */
  async entries(): Promise<{ entries: JournalEntry[]; damaged: number; bytes: number }> {
    const entries: JournalEntry[] = [];
    let damaged = 0;
    let bytes = 0;
    for (const file of [...(await this.#old()), CURRENT]) {
      const content = await readFile(join(this.#dir, file), 'utf8').catch((error: unknown) => {
        if (hasCode(error, 'ENOENT')) return '';
        throw error;
      });
      bytes += content.length;
      for (const line of content.split('\n')) {
        if (line === '') continue;
        const parsed = EntrySchema.safeParse(parseJson(this.#seal.open(line)));
        if (parsed.success) entries.push(parsed.data);
        else damaged += 1;
      }
    }
    return { entries, damaged, bytes };
  }

  async #append(entry: JournalEntry): Promise<void> {
    const path = join(this.#dir, CURRENT);
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const size = (await stat(path).catch(() => undefined))?.size ?? 0;
    if (size > MAX_FILE_BYTES) await this.#putAway(path);
    const file = await open(path, 'a', 0o600);
    try {
      // The newline in front ends a line that a power cut tore.
      await file.write(`\n${this.#seal.seal(JSON.stringify(EntrySchema.parse(entry)))}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    if (size === 0) await syncFolder(this.#dir);
  }

  async #putAway(path: string): Promise<void> {
    const old = await this.#old();
    const next = Number(OLD.exec(old.at(-1) ?? '')?.[1] ?? 0) + 1;
    await rename(path, join(this.#dir, `journal-${String(next).padStart(12, '0')}.log`));
    for (const file of old.slice(0, Math.max(0, old.length + 1 - MAX_OLD_FILES)))
      await rm(join(this.#dir, file));
    await syncFolder(this.#dir);
  }

  async #old(): Promise<string[]> {
    const names = await readdir(this.#dir).catch(() => []);
    return names.filter((name) => OLD.test(name)).sort();
  }
}

async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function parseJson(line: string | undefined): unknown {
  try {
    return line === undefined ? undefined : JSON.parse(line);
  } catch {
    return undefined;
  }
}
