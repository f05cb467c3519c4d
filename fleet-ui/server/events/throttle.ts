import { Transform, type TransformCallback } from 'node:stream';

/** What may come at once after a pause, as time at the full rate. */
const BURST_MS = 2_000;

/**
 * Lets through so many bytes in a second; what comes faster waits, and so does who sends it. One sensor that floods then cannot fill the
 * hub faster than it is emptied.
 */
export class Throttle extends Transform {
  readonly #bytesPerMs: number;
  /** Until when what came so far lasts at the full rate; ms of the monotonic clock. */
  #until = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(bytesPerSecond: number) {
    super();
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const now = performance.now();
    this.#until = Math.max(this.#until, now - BURST_MS) + chunk.length / this.#bytesPerMs;
    if (this.#until <= now) {
      done(null, chunk);
      return;
    }
    this.#timer = setTimeout(() => {
      done(null, chunk);
    }, this.#until - now);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    done(error);
  }
}
