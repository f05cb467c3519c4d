/** On the way at the same time. */
const MESSAGES_MOST = 256;
const BYTES_MOST = 8 * 1024 * 1024;

interface Entry {
  done: boolean;
  bytes: number;
  onDone: () => void;
}

/**
 * What is on the way to the fleet: bounded, and told as done in order within a stream.
 *
 * INVARIANTS: `onDone` of an entry is called after that of every earlier entry of its stream, and never after `end` or a failure.
 */
export class SendWindow {
  readonly #streams = new Map<string, Entry[]>();
  readonly #onFailure: (error: unknown) => void;
  #messages = 0;
  #bytes = 0;
  #ended = false;
  #waiting: (() => void)[] = [];
  failure: Error | undefined;

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Adds what is on its way. Resolves when there is room for more. */
  async send(stream: string, bytes: number, published: Promise<void>, onDone: () => void): Promise<void> {
    const entry = { done: false, bytes, onDone };
    this.#add(stream, entry);
    published.then(
      () => {
        entry.done = true;
        this.#settle(stream);
      },
      (error: unknown) => {
        this.#fail(error);
      },
    );
    while (!this.#ended && (this.#messages >= MESSAGES_MOST || this.#bytes >= BYTES_MOST)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Adds what need not be sent: done when everything before it is. */
  pass(stream: string, onDone: () => void): void {
    this.#add(stream, { done: true, bytes: 0, onDone });
    this.#settle(stream);
  }

  end(): void {
    this.#ended = true;
    this.#room();
  }

  #add(stream: string, entry: Entry): void {
    const entries = this.#streams.get(stream) ?? [];
    entries.push(entry);
    this.#streams.set(stream, entries);
    this.#messages += 1;
    this.#bytes += entry.bytes;
  }

  #settle(stream: string): void {
    if (this.#ended) return;
    const entries = this.#streams.get(stream) ?? [];
    const open = entries.findIndex(({ done }) => !done);
    for (const entry of entries.splice(0, open === -1 ? entries.length : open)) {
      this.#messages -= 1;
      this.#bytes -= entry.bytes;
      entry.onDone();
    }
    this.#room();
  }

  /** Lets everybody who waits look again. */
  #room(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.failure = error instanceof Error ? error : new Error(String(error));
    this.end();
    this.#onFailure(error);
  }
}
