import { z } from 'zod';
import type { SealedFile } from './sealed-file.ts';

/** Drift and corrections by NTP stay far below; suspended time (a sensor does not suspend) would count as a jump. */
const JUMP_MS = 86_400_000;
/** A sensor that was off for longer than this has a clock to be asked about. */
const AWAY_MS = 60 * 86_400_000;

export const ClockSchema = z.strictObject({ seen: z.iso.datetime() });

/** What a clock watch reads; tests give their own. */
export interface Clocks {
  /** Wall clock. */
  now: () => Date;
  /** Milliseconds that only go forward at the pace of time, whatever is done to the wall clock. */
  monotonicMs: () => number;
}

/**
 * Tells when the wall clock is not to be believed: it jumped by a day or more while the sensor ran, is behind what it was when
 * the sensor last looked, or far ahead of it. The doubt ends when the clock is right again, or when an operator confirms it.
 *
 * INVARIANTS: `open` first. The last believed time is on disk; a doubted one never gets there.
 */
export class ClockWatch {
  readonly #clocks: Clocks;
  readonly #file: SealedFile<typeof ClockSchema>;
  #anchor: { wallMs: number; monotonicMs: number };
  #doubt: string | undefined;

  constructor(clocks: Clocks, file: SealedFile<typeof ClockSchema>) {
    this.#clocks = clocks;
    this.#file = file;
    this.#anchor = this.#read();
  }

  /** Why the clock is not believed, as of the last look. */
  get doubt(): string | undefined {
    return this.#doubt;
  }

  async open(): Promise<void> {
    this.#anchor = this.#read();
    // A damaged file only costs the comparison with the time before this start.
    const last = await this.#file.load().catch(() => undefined);
    if (last !== undefined) {
      const goneMs = this.#anchor.wallMs - Date.parse(last.seen);
      // What the clock should show is not known; taking the last believed time as "now" makes every later look compare with it.
      if (goneMs < -JUMP_MS || goneMs > AWAY_MS) this.#anchor.wallMs = Date.parse(last.seen);
    }
    await this.look();
  }

  /** Looks at the clocks. @returns why the wall clock is not believed; undefined when it is. */
  async look(): Promise<string | undefined> {
    const now = this.#read();
    const shouldMs = this.#anchor.wallMs + (now.monotonicMs - this.#anchor.monotonicMs);
    const offMs = now.wallMs - shouldMs;
    if (Math.abs(offMs) > JUMP_MS) {
      const days = String(Math.round(Math.abs(offMs) / JUMP_MS));
      this.#doubt = `it is ${days} days ${offMs > 0 ? 'ahead of' : 'behind'} where it was when it was last believed`;
      return this.#doubt;
    }
    this.#doubt = undefined;
    this.#anchor = now;
    // A full disk must not cost the report; then only the comparison over the next start is older.
    await this.#file.save({ seen: new Date(now.wallMs).toISOString() }).catch(() => undefined);
    return undefined;
  }

  /** An operator says that the clock is right as it is. */
  async confirm(): Promise<void> {
    this.#anchor = this.#read();
    await this.look();
  }

  #read(): { wallMs: number; monotonicMs: number } {
    return { wallMs: this.#clocks.now().getTime(), monotonicMs: this.#clocks.monotonicMs() };
  }
}
