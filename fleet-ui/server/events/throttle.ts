import { Transform, type TransformCallback } from 'node:stream';

/** What may come at once after a pause, as time at the full rate. */
const BURST_MS = 2_000;

/** Asked for each part; calls `go` when it may pass. @returns takes it back while it waits */
export type Gate = (bytes: number, go: () => void) => () => void;

/**
 * Lets through so many bytes in a second; what comes faster waits, and so does who sends it. One sensor that floods then cannot fill the
 * hub faster than it is emptied. After its turn each part waits until the gate lets it pass.
 */
export class Throttle extends Transform {
  readonly #bytesPerMs: number;
  /** Until when what came so far lasts at the full rate; ms of the monotonic clock. */
  #until = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #gate: Gate;
  #leave: () => void = () => undefined;

  constructor(
    bytesPerSecond: number,
    gate: Gate = (_bytes, go) => {
      go();
      return () => undefined;
    },
  ) {
    super();
    this.#gate = gate;
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const now = performance.now();
    this.#until = Math.max(this.#until, now - BURST_MS) + chunk.length / this.#bytesPerMs;
    const pass = (): void => {
      this.#leave = this.#gate(chunk.length, () => {
        done(null, chunk);
      });
    };
    if (this.#until <= now) pass();
    else this.#timer = setTimeout(pass, this.#until - now);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#leave();
    done(error);
  }
}
