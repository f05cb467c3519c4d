import { LIMITS } from './protocol.ts';

/** What a pack's records wait for: stored, or why not. */
interface Settlement {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

/**
 * Records of one type on their way into one message: NDJSON in a buffer that grows up to the pack size. All its records
 * share one promise.
 */
export class Pack {
  readonly type: string;
  /** When the first record came, ISO 8601: the message's `ce-time`. */
  readonly time = new Date().toISOString();
  count = 0;
  bytes = 0;
  /** `ce-id` and message id; given when sealed, and the same on every try. */
  id = '';
  sentAt = 0;
  readonly #settlement: Settlement;
  #buffer: Buffer;

  constructor(type: string, firstBytes: number) {
    this.type = type;
    this.#buffer = Buffer.allocUnsafe(Math.max(firstBytes, 8 * 1024));
    this.#settlement = settlement();
  }

  get settled(): Promise<void> {
    return this.#settlement.promise;
  }

  /** False when the record has to go into the next pack. A record larger than a pack goes alone. */
  fits(recordBytes: number): boolean {
    return this.count === 0 || this.bytes + recordBytes <= LIMITS.packBytes;
  }

  /** Appends one record that ends with a newline, as text of `recordBytes` bytes in UTF-8. */
  appendText(line: string, recordBytes: number): void {
    this.#grow(recordBytes);
    this.#buffer.write(line, this.bytes, 'utf8');
    this.#count(recordBytes);
  }

  /** Appends one record without its newline, as bytes. */
  appendBytes(line: Buffer): void {
    this.#grow(line.length + 1);
    line.copy(this.#buffer, this.bytes);
    this.#buffer[this.bytes + line.length] = 0x0a;
    this.#count(line.length + 1);
  }

  body(): Buffer {
    return this.#buffer.subarray(0, this.bytes);
  }

  stored(): void {
    this.#settlement.resolve();
  }

  refused(error: Error): void {
    this.#settlement.reject(error);
  }

  #count(recordBytes: number): void {
    this.bytes += recordBytes;
    this.count += 1;
  }

  #grow(by: number): void {
    if (this.bytes + by <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(
      Math.max(this.bytes + by, Math.min(this.#buffer.length * 4, LIMITS.packBytes)),
    );
    this.#buffer.copy(larger, 0, 0, this.bytes);
    this.#buffer = larger;
  }
}

function settlement(): Settlement {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Who publishes without awaiting must not be ended by an unhandled rejection; it is counted and logged.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
