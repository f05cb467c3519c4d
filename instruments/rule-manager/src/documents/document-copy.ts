import { rename, readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { DocumentStore } from './document-store.ts';
import {
  RuleBodySchema,
  ScopeSchema,
  SourceBodySchema,
  SuppressionBodySchema,
  VariablesBodySchema,
  type AnyDocument,
} from './schemas.ts';

const BODIES = {
  source: SourceBodySchema,
  rule: RuleBodySchema,
  variables: VariablesBodySchema,
  suppression: SuppressionBodySchema,
} as const;
const Envelope = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  kind: z.enum(['source', 'rule', 'variables', 'suppression']),
  scope: ScopeSchema,
  body: z.unknown(),
  author: z.string().max(200),
  time: z.iso.datetime(),
  reason: z.string().max(500),
  expires: z.iso.datetime().optional(),
});

/**
 * A second copy of all documents, as one JSON file beside the database: what people decided must not be lost with a damaged
 * database. Rules are read again from the sources' files.
 */
export class DocumentCopy {
  readonly #file: string;
  readonly #store: DocumentStore;
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(file: string, store: DocumentStore) {
    this.#file = file;
    this.#store = store;
  }

  /** Writes it soon. */
  touch(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.write().catch(() => undefined);
    }, 1_000);
  }

  /** Writes it now, whole or not at all. */
  write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(async () => {
        const text = JSON.stringify({ documents: this.#store.list() });
        await writeFile(`${this.#file}.new`, text, { mode: 0o600, flush: true });
        await rename(`${this.#file}.new`, this.#file);
      });
    return this.#writing;
  }

  /** Puts the documents of the copy into a database that has none. @returns how many */
  async restore(): Promise<number> {
    const text = await readFile(this.#file, 'utf8').catch(() => '{}');
    const { documents } = JSON.parse(text) as { documents?: unknown };
    let restored = 0;
    for (const value of Array.isArray(documents) ? documents : []) {
      const envelope = Envelope.safeParse(value);
      if (!envelope.success) continue;
      const body = BODIES[envelope.data.kind].safeParse(envelope.data.body);
      if (!body.success) continue;
      this.#store.restore({ ...envelope.data, body: body.data } as AnyDocument);
      restored += 1;
    }
    return restored;
  }
}
