import { BulkheadError } from '@bulkhead/platform/kernel';

/** The answer of a sensor, part by part. Iterate it once; leaving the loop early cancels the question. */
export interface Answer extends AsyncIterable<Buffer> {
  /** HTTP status of the sensor's own API. */
  readonly status: number;
  /** The question is not of interest any more. Idempotent. */
  cancel: () => void;
}

export interface AnswerLimits {
  /** Of the whole answer. */
  maxBytes: number;
  /** Of what its reader has not read yet. */
  bufferBytes: number;
  /** What the sensor sends without more credit. */
  windowBytes: number;
}

/**
 * Parts of one answer on their way from the link to whoever asked.
 *
 * INVARIANTS: synchronous towards the link. Once it is over (ended, failed or cancelled) nothing is added, `onOver` was called
 * once, and what was received before still can be read, then the failure if there was one. At most `bufferBytes` wait.
 */
export class AnswerParts {
  readonly #limits: AnswerLimits;
  readonly #onCredit: (bytes: number) => void;
  readonly #onOver: (finished: boolean) => void;
  readonly #started: Promise<number>;
  #resolveStart: (status: number) => void = () => undefined;
  #rejectStart: (error: BulkheadError) => void = () => undefined;
  readonly #parts: Buffer[] = [];
  #waitingBytes = 0;
  #totalBytes = 0;
  #readBytes = 0;
  #status: number | undefined;
  #over = false;
  #failure: BulkheadError | undefined;
  #wake: (() => void) | undefined;

  /** @param onOver with true when the sensor ended the answer itself */
  constructor(limits: AnswerLimits, onCredit: (bytes: number) => void, onOver: (finished: boolean) => void) {
    this.#limits = limits;
    this.#onCredit = onCredit;
    this.#onOver = onOver;
    this.#started = new Promise((resolve, reject) => {
      this.#resolveStart = resolve;
      this.#rejectStart = reject;
    });
    // Whoever asked may have left: then nobody waits for it.
    this.#started.catch(() => undefined);
  }

  /** Resolves with the first part. @throws what {@link fail} was given before that */
  async start(): Promise<Answer> {
    const status = await this.#started;
    return {
      status,
      cancel: () => {
        this.cancel();
      },
      [Symbol.asyncIterator]: () => this.#read(),
    };
  }

  /** A part as it comes from the link. */
  add(part: { status: number; chunk: Buffer; end: boolean }): void {
    if (this.#over) return;
    if (this.#status === undefined) {
      this.#status = part.status >= 200 && part.status <= 599 ? part.status : 502;
      this.#resolveStart(this.#status);
    }
    this.#totalBytes += part.chunk.length;
    this.#waitingBytes += part.chunk.length;
    if (this.#totalBytes > this.#limits.maxBytes) {
      this.fail(
        new BulkheadError({
          code: 'FLEET_LINKS_ANSWER_TOO_LARGE',
          message: `The sensor's answer is larger than ${String(this.#limits.maxBytes)} bytes.`,
          fields: { limitBytes: this.#limits.maxBytes },
        }),
      );
      return;
    }
    if (this.#waitingBytes > this.#limits.bufferBytes) {
      // Only a sensor that does not know about credit comes here.
      this.fail(
        new BulkheadError({
          code: 'FLEET_LINKS_READER_SLOW',
          message: 'The answer came faster than it was read, and the sensor does not wait.',
        }),
      );
      return;
    }
    if (part.chunk.length > 0) this.#parts.push(part.chunk);
    if (part.end) this.#finish(true);
    this.#wakeUp();
  }

  /** Nothing more comes. What waits to be read is dropped, so that a failure is seen at once. */
  fail(error: BulkheadError): void {
    if (this.#over) return;
    this.#failure = error;
    this.#parts.length = 0;
    this.#rejectStart(error);
    this.#finish(false);
    this.#wakeUp();
  }

  cancel(): void {
    this.fail(new BulkheadError({ code: 'FLEET_LINKS_CANCELLED', message: 'The question was taken back.' }));
  }

  #finish(finished: boolean): void {
    this.#over = true;
    this.#onOver(finished);
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  async *#read(): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const part = this.#parts.shift();
        if (part !== undefined) {
          this.#waitingBytes -= part.length;
          yield part;
          this.#credit(part.length);
          continue;
        }
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#over) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.cancel();
    }
  }

  /** Given back in a few large portions. */
  #credit(bytes: number): void {
    this.#readBytes += bytes;
    if (this.#over || this.#readBytes < this.#limits.windowBytes / 4) return;
    const credit = this.#readBytes;
    this.#readBytes = 0;
    this.#onCredit(credit);
  }
}
