import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { SensorIdSchema } from '../contracts/index.ts';
import { writeFileAtomic } from '../kernel/index.ts';

/** How far one stream is with the fleet. */
export interface StreamCursor {
  /** When the stream was made; one that was made anew counts from 1 again. */
  created: string;
  /** Up to here everything was sent and acknowledged, or is not to be sent. */
  sequence: number;
  /** The last that was sent and acknowledged; 0 = none. */
  sent: number;
}

const CursorSchema = z.strictObject({
  version: z.literal(1),
  sensor: SensorIdSchema,
  streams: z.record(
    z.string().max(64),
    z.strictObject({ created: z.string().max(64), sequence: z.int().min(0), sent: z.int().min(0) }),
  ),
  /** Stream and when it was made → up to where gaps in it were told. */
  told: z.record(z.string().max(130), z.int().min(0)).default({}),
});

/**
 * The durable place up to which the fleet has this sensor's events.
 *
 * INVARIANTS: it never runs ahead of what the fleet acknowledged; behind is harmless, because the fleet recognises what comes twice.
 * Writes are one at a time.
 */
export class UplinkCursor {
  readonly #file: string;
  readonly #sensor: string;
  readonly #streams: Map<string, StreamCursor>;
  readonly #told: Map<string, number>;
  #changed = false;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: string, sensor: string, kept?: z.output<typeof CursorSchema>) {
    this.#file = file;
    this.#sensor = sensor;
    this.#streams = new Map(Object.entries(kept?.streams ?? {}));
    this.#told = new Map(Object.entries(kept?.told ?? {}));
  }

  /** Reads where it stood; from the beginning for another fleet, or when it cannot be read. */
  static async open(file: string, sensor: string): Promise<UplinkCursor> {
    try {
      const kept = CursorSchema.parse(JSON.parse(await readFile(file, 'utf8')));
      if (kept.sensor === sensor) return new UplinkCursor(file, sensor, kept);
    } catch {
      // Everything that is still there is sent once more, and recognised.
    }
    return new UplinkCursor(file, sensor);
  }

  /** Where a stream stands, if it is still that stream. */
  of(stream: string, created: string): StreamCursor | undefined {
    const cursor = this.#streams.get(stream);
    return cursor?.created === created ? cursor : undefined;
  }

  move(stream: string, cursor: StreamCursor): void {
    this.#streams.set(stream, cursor);
    this.#changed = true;
  }

  /** Up to where gaps in a stream were told. */
  toldUpTo(stream: string, created: string): number {
    return this.#told.get(`${stream} ${created}`) ?? 0;
  }

  told(stream: string, created: string, upTo: number): void {
    this.#told.set(`${stream} ${created}`, upTo);
    this.#changed = true;
  }

  /** Keeps what changed; resolves when it is on disk. */
  async save(): Promise<void> {
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(async () => {
        if (!this.#changed) return;
        this.#changed = false;
        const kept = {
          version: 1,
          sensor: this.#sensor,
          streams: Object.fromEntries(this.#streams),
          told: Object.fromEntries(this.#told),
        };
        await writeFileAtomic(this.#file, `${JSON.stringify(kept)}\n`).catch((error: unknown) => {
          this.#changed = true;
          throw error;
        });
      });
    await this.#writing;
  }
}
