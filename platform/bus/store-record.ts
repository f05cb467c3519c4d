import { createHash } from 'node:crypto';
import { readFile, rename } from 'node:fs/promises';
import { z } from 'zod';
import { BulkheadError, parseStrict, writeFileAtomic } from '../kernel/index.ts';

const RecordSchema = z.strictObject({
  version: z.literal(1),
  encrypted: z.boolean(),
  /** Recognises the key without giving it away; empty in the clear. */
  keyMark: z.string().max(64),
  /** Streams that were made; one that is missing later was lost, not never there. */
  streams: z.array(z.string().max(64)).max(4096),
  /** How far each stream had come, some seconds ago: less than that later means that its end was lost. */
  positions: z
    .record(z.string().max(64), z.strictObject({ last: z.int().min(0), missing: z.int().min(0) }))
    .default({}),
  /** Messages of a stream that were found unreadable and announced. */
  unreadable: z.record(z.string().max(64), z.int().min(0)).default({}),
  /** False after this file had to be made anew, until every stream was found readable: the key might be another one. */
  trusted: z.boolean().default(true),
});
type RecordContent = z.output<typeof RecordSchema>;

/** How far a stream has come. */
export interface StreamPosition {
  /** Highest sequence that was certainly stored. */
  last: number;
  /** Sequences between first and last that have no message. */
  missing: number;
}

/**
 * What the store is, kept beside it. nats-server itself starts on a store that it cannot decrypt, and drops a stream
 * that it cannot read: both would look like an empty, healthy bus.
 */
export class StoreRecord {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /**
   * Checks that the store can be opened in this way; the first time, writes down what it is.
   * @throws BulkheadError BUS_STORE_KIND (clear instead of encrypted or the reverse), BUS_STORE_KEY (another key)
   */
  async claim(storeKey: string | undefined): Promise<void> {
    const encrypted = storeKey !== undefined;
    const keyMark = markOf(storeKey);
    const found = await this.#read();
    if (found !== undefined && found.streams.length > 0) {
      if (found.encrypted !== encrypted) {
        throw new BulkheadError({
          code: 'BUS_STORE_KIND',
          message: `The event store was made ${words(found.encrypted)} and the configuration wants it ${words(encrypted)}.`,
          hint: 'Set /bus/encrypt back, or export the events and remove the folder of the bus.',
          fields: { encrypted: found.encrypted },
        });
      }
      if (found.keyMark !== keyMark) {
        throw new BulkheadError({
          code: 'BUS_STORE_KEY',
          message: 'The event store is encrypted with another key than the one that this sensor derives.',
          hint: 'Restore the key file of the sensor that wrote the store.',
        });
      }
      return;
    }
    await this.#write({
      version: 1,
      encrypted,
      keyMark,
      streams: [],
      positions: {},
      unreadable: {},
      trusted: true,
    });
  }

  /** Makes the file anew from the streams whose folders there are; the damaged one is kept beside it. */
  async rebuild(storeKey: string | undefined, streams: readonly string[]): Promise<void> {
    await rename(this.#file, `${this.#file}.damaged`);
    await this.#write({
      version: 1,
      encrypted: storeKey !== undefined,
      keyMark: markOf(storeKey),
      streams: [...streams],
      positions: {},
      unreadable: {},
      trusted: false,
    });
  }

  /** Everything on record that says whether the store is whole. */
  async known(): Promise<Pick<RecordContent, 'streams' | 'positions' | 'unreadable' | 'trusted'>> {
    return (await this.#read()) ?? { streams: [], positions: {}, unreadable: {}, trusted: true };
  }

  /** Writes down how many messages of a stream cannot be read. */
  async noteUnreadable(stream: string, messages: number): Promise<void> {
    const found = await this.#read();
    if (found === undefined) return;
    await this.#write({ ...found, unreadable: { ...found.unreadable, [stream]: messages } });
  }

  /** Writes down how far streams have come; after that the record is trusted again. Writes only what changed. */
  async note(positions: Readonly<Record<string, StreamPosition>>): Promise<void> {
    const found = await this.#read();
    if (found === undefined) return;
    const next = { ...found, positions: { ...found.positions, ...positions }, trusted: true };
    if (JSON.stringify(next) !== JSON.stringify(found)) await this.#write(next);
  }

  /** Remembers a stream that was made. */
  async remember(streams: readonly string[]): Promise<void> {
    const found = await this.#read();
    if (found === undefined || streams.every((stream) => found.streams.includes(stream))) return;
    await this.#write({ ...found, streams: [...new Set([...found.streams, ...streams])].sort() });
  }

  /** A stream is no longer expected; how far it had come stays on record. */
  async forget(stream: string): Promise<void> {
    const found = await this.#read();
    if (found === undefined) return;
    await this.#write({ ...found, streams: found.streams.filter((other) => other !== stream) });
  }

  async #read(): Promise<RecordContent | undefined> {
    let text: string;
    try {
      text = await readFile(this.#file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      return parseStrict(RecordSchema, JSON.parse(text), 'BUS_STORE_DAMAGED', this.#file);
    } catch (cause) {
      throw new BulkheadError({
        code: 'BUS_STORE_DAMAGED',
        message: `${this.#file}, which says what the event store is, is damaged.`,
        hint: 'Restore the file from a backup, or move the folder of the bus away.',
        fields: { path: this.#file },
        cause,
      });
    }
  }

  async #write(content: RecordContent): Promise<void> {
    await writeFileAtomic(this.#file, `${JSON.stringify(content, null, 2)}\n`);
  }
}

function markOf(storeKey: string | undefined): string {
  return storeKey === undefined
    ? ''
    : createHash('sha256').update(`bus/store-mark/${storeKey}`).digest('hex').slice(0, 16);
}

function words(encrypted: boolean): string {
  return encrypted ? 'encrypted' : 'in the clear';
}
