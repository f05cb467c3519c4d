import type { Logger } from '@bulkhead/platform/kernel';

const WINDOW_MS = 60_000;
const LINES_MOST = 30;

/**
 * Writes down who was not let in, thirty lines a minute and then how many more: whoever knocks without end must not fill the disk.
 */
export class RefusalLog {
  readonly #log: Logger;
  readonly #now: () => number;
  #sinceMs = -Infinity;
  #count = 0;

  constructor(log: Logger, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  write(facts: object, text: string): void {
    this.tell();
    this.#count += 1;
    if (this.#count <= LINES_MOST) this.#log.warn(facts, text);
  }

  /** Says how many were left out, when their minute is over. */
  tell(): void {
    if (this.#now() - this.#sinceMs < WINDOW_MS) return;
    const more = this.#count - LINES_MOST;
    if (more > 0) this.#log.warn({ more }, `${String(more)} more were not let in within a minute`);
    this.#sinceMs = this.#now();
    this.#count = 0;
  }
}
