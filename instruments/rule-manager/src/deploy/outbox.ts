import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A file that the platform can take. */
export interface OutboxFile {
  sha256: string;
  bytes: number;
}

/** `persistent/outbox/`: flat, each file named by its SHA-256; what the platform copies from. */
export class Outbox {
  readonly #dir: string;

  constructor(persistentDir: string) {
    this.#dir = join(persistentDir, 'outbox');
  }

  async put(content: Buffer): Promise<OutboxFile> {
    const sha256 = createHash('sha256').update(content).digest('hex');
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const temporary = join(this.#dir, `.${sha256}.new`);
    await writeFile(temporary, content, { mode: 0o600 });
    await rename(temporary, join(this.#dir, sha256));
    return { sha256, bytes: content.length };
  }

  /** Empties it: what was delivered is not needed here, and what was not is written again. */
  async clear(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#dir)) await rm(join(this.#dir, name), { force: true });
  }
}
