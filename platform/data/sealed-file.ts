import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { BulkheadError, hasCode, writeFileAtomic } from '../kernel/index.ts';

const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** Seals and opens text: holds and journals name people, and lie outside of any volume. */
export interface Seal {
  seal(text: string): string;
  /** undefined when it is damaged, or was sealed for something else. */
  open(sealed: string): string | undefined;
}

/**
 * AES-256-GCM with a fresh nonce for each text (2^32 of them under one key would be too many; a sensor writes thousands).
 * @param purpose is authenticated: a text that is moved to another file does not open.
 */
export function openSeal(key: Buffer, purpose: string): Seal {
  return {
    seal: (text) => {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(purpose));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64');
    },
    open: (text) => {
      const bytes = Buffer.from(text, 'base64');
      if (bytes.length < 28) return undefined;
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 })
          .setAAD(Buffer.from(purpose))
          .setAuthTag(bytes.subarray(-16));
        return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8');
      } catch {
        return undefined;
      }
    },
  };
}

/** One small sealed file that is read whole and replaced whole. */
export class SealedFile<T extends z.ZodType> {
  readonly #path: string;
  readonly #seal: Seal;
  readonly #schema: T;

  constructor(path: string, seal: Seal, schema: T) {
    this.#path = path;
    this.#seal = seal;
    this.#schema = schema;
  }

  /** @returns undefined when there is no file yet. @throws BulkheadError DATA_STATE_DAMAGED */
  async load(): Promise<z.output<T> | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
    const opened = text.length > MAX_FILE_BYTES ? undefined : this.#seal.open(text);
    try {
      if (opened === undefined) throw new Error('does not open');
      return this.#schema.parse(JSON.parse(opened));
    } catch (cause) {
      throw new BulkheadError({
        code: 'DATA_STATE_DAMAGED',
        message: `${this.#path} is damaged: holds and purges that are under way are not known.`,
        hint: 'Restore the file from a backup. Nothing is purged while it is damaged; delete it only if nothing is held.',
        fields: { path: this.#path },
        cause,
      });
    }
  }

  /** Durable when it resolves. */
  async save(value: z.input<T>): Promise<void> {
    await writeFileAtomic(this.#path, this.#seal.seal(JSON.stringify(value)), 0o600);
  }
}
