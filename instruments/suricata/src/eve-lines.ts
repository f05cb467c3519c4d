/** What a {@link LineSplitter} met so far. */
export interface LineCounters {
  /** Lines longer than the limit; dropped whole. */
  oversize: number;
  /** Bytes of a last line without its newline, dropped at the end. */
  unfinishedBytes: number;
}

const NEWLINE = 10;

/**
 * Splits a byte stream into lines of bounded length. A line that lies within one chunk is handed over as a view of it, so
 * the receiver may keep it no longer than the call.
 *
 * INVARIANTS: holds at most `maxBytes` of an unfinished line; a longer line is dropped up to its newline and counted once.
 */
export class LineSplitter {
  readonly counters: LineCounters = { oversize: 0, unfinishedBytes: 0 };
  readonly #maxBytes: number;
  readonly #onLine: (line: Buffer) => void;
  #parts: Buffer[] = [];
  #held = 0;
  #skipping = false;

  /** @param maxBytes longest line without its newline */
  constructor(maxBytes: number, onLine: (line: Buffer) => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
  }

  /** Takes the next bytes; calls `onLine` for each line that they complete. Empty lines are not handed over. */
  push(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end === -1) break;
      this.#complete(chunk.subarray(start, end));
      start = end + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
  }

  /** The stream ended: a line without its newline is incomplete and dropped. */
  end(): void {
    this.counters.unfinishedBytes += this.#held;
    this.#parts = [];
    this.#held = 0;
    this.#skipping = false;
  }

  #complete(last: Buffer): void {
    if (this.#skipping) {
      this.#skipping = false;
      return;
    }
    if (this.#held + last.length > this.#maxBytes) {
      this.#drop();
      this.#skipping = false;
      return;
    }
    if (this.#held === 0) {
      if (last.length > 0) this.#onLine(last);
      return;
    }
    const line = Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    this.#held = 0;
    this.#onLine(line);
  }

  #hold(part: Buffer): void {
    if (this.#skipping) return;
    if (this.#held + part.length > this.#maxBytes) {
      this.#drop();
      return;
    }
    this.#parts.push(Buffer.from(part)); // the chunk's memory is used again
    this.#held += part.length;
  }

  #drop(): void {
    this.counters.oversize += 1;
    this.#parts = [];
    this.#held = 0;
    this.#skipping = true;
  }
}
