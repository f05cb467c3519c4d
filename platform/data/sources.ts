import type { DataSource, ExportRecord } from './types.ts';

/** Where parts of the sensor tell which copies of data they keep. Also takes notes of what leaves the sensor. */
export interface DataRegister {
  /** A source, or a function that gives those of the moment (one for each instrument). */
  register(source: DataSource | (() => readonly DataSource[])): void;
  /** Puts an export, a backup or a support bundle on record; resolves when that is durable. */
  recordExport(record: ExportRecord): Promise<void>;
}

/**
 * The sources of one sensor.
 *
 * INVARIANTS: sources register before anything is asked; the one who keeps the journal of exports says so once, by `onExport`.
 */
export class DataSources implements DataRegister {
  readonly #given: (() => readonly DataSource[])[] = [];
  #keep: ((record: ExportRecord) => Promise<void>) | undefined;

  register(source: DataSource | (() => readonly DataSource[])): void {
    this.#given.push(typeof source === 'function' ? source : () => [source]);
  }

  async recordExport(record: ExportRecord): Promise<void> {
    await this.#keep?.(record);
  }

  onExport(keep: (record: ExportRecord) => Promise<void>): void {
    this.#keep = keep;
  }

  /** Those of the moment. */
  all(): DataSource[] {
    return this.#given.flatMap((sources) => [...sources()]);
  }
}
