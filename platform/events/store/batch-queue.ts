import type { IncomingMessage } from './insert.ts';

const BATCH_BYTES = 4 * 1024 * 1024;
const BATCH_MESSAGES = 1_000;
/** Waiting messages; then reading from the bus waits. */
const QUEUE_BYTES = 16 * 1024 * 1024;

/** Messages on their way to the writing thread, in order. One takes, many put. */
export class BatchQueue {
  #messages: IncomingMessage[] = [];
  #bytes = 0;
  #wake: () => void = () => undefined;
  #room: (() => void)[] = [];

  put(message: IncomingMessage): void {
    // A view of a large buffer would be sent to the thread with all of it.
    this.#messages.push({ ...message, body: Uint8Array.from(message.body) });
    this.#bytes += message.body.length;
    this.#wake();
  }

  get full(): boolean {
    return this.#bytes > QUEUE_BYTES;
  }

  get empty(): boolean {
    return this.#messages.length === 0;
  }

  /** Less than one batch waits: more may be put together with it. */
  get small(): boolean {
    return this.#bytes < BATCH_BYTES && this.#messages.length < BATCH_MESSAGES;
  }

  /** Resolves when something was put, or at {@link nudge}. */
  async filled(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** Resolves when something was taken, or at {@link nudge}. */
  async drained(): Promise<void> {
    await new Promise<void>((resolve) => this.#room.push(resolve));
  }

  /** The next batch. */
  take(): IncomingMessage[] {
    let bytes = 0;
    let count = 0;
    for (const message of this.#messages) {
      if (count >= BATCH_MESSAGES || bytes >= BATCH_BYTES) break;
      bytes += message.body.length;
      count += 1;
    }
    this.#bytes -= bytes;
    return this.#messages.splice(0, count);
  }

  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
  }

  /** Lets everybody who waits look again. */
  nudge(): void {
    this.#wake();
    for (const resolve of this.#room.splice(0)) resolve();
  }
}
