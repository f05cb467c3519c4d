/** Of the hub's buffer, how full it may be before anybody waits. */
const CALM = 1 / 4;
/** Of the buffer, what all sensors together may fill when each takes its share. */
const SHARED = 1 / 2;
/** So little left means that all was taken in: estimates begin anew. */
const EMPTY = 1 / 64;

/** What of a sensor waits in the hub, as far as its bytes tell. */
interface Account {
  bytes: number;
  /** Its uplinks that are held back: called when it may go on. */
  waiting: Set<() => void>;
}

/**
 * Who may put how much into the hub's buffer, which all sensors share. While it is nearly empty everybody brings what they have. When it
 * fills, because somebody floods it or the store is slow, a sensor that holds more than its share of it waits: its bytes are not read, so it
 * keeps its events, and there is room for all others.
 *
 * What a sensor holds is estimated, from the bytes of its uplink less the messages that were taken in. An uplink has more bytes than its
 * messages, so the estimate errs against who sends most; it begins anew whenever the buffer is empty.
 *
 * INVARIANTS: synchronous. A waiting uplink goes on, or is taken away with `leave`.
 */
export class FairShare {
  readonly #most: number;
  readonly #accounts = new Map<string, Account>();
  /** Bytes in the buffer: as the hub said last, and what came and went since. */
  #level = 0;

  /** @param bufferBytes of the hub's stream */
  constructor(bufferBytes: number) {
    this.#most = bufferBytes;
  }

  /** Sensors that wait. */
  get held(): string[] {
    return [...this.#accounts].filter(([, { waiting }]) => waiting.size > 0).map(([sensor]) => sensor);
  }

  /**
   * So many bytes of a sensor are about to go to the hub.
   * @param go called once when they may, perhaps before this returns @returns takes them back while they wait
   */
  enter(sensor: string, bytes: number, go: () => void): () => void {
    const account = this.#accounts.get(sensor) ?? { bytes: 0, waiting: new Set() };
    this.#accounts.set(sensor, account);
    const pass = (): void => {
      account.bytes += bytes;
      this.#level += bytes;
      go();
    };
    if (!this.#isOver(account)) {
      pass();
      return () => undefined;
    }
    account.waiting.add(pass);
    return () => account.waiting.delete(pass);
  }

  /** A message of a sensor left the hub. */
  taken(sensor: string, bytes: number): void {
    this.#level = Math.max(0, this.#level - bytes);
    const account = this.#accounts.get(sensor);
    if (account !== undefined) account.bytes = Math.max(0, account.bytes - bytes);
    this.#letGo();
  }

  /** What the hub says of its buffer. To be told every second or so. */
  measured(bytes: number): void {
    this.#level = bytes;
    if (bytes <= this.#most * EMPTY) {
      for (const [sensor, account] of this.#accounts) {
        account.bytes = 0;
        if (account.waiting.size === 0) this.#accounts.delete(sensor);
      }
    }
    this.#letGo();
  }

  #isOver({ bytes }: Account): boolean {
    if (this.#level < this.#most * CALM) return false;
    const holders = [...this.#accounts.values()].filter((one) => one.bytes > 0).length;
    return bytes >= (this.#most * SHARED) / Math.max(1, holders);
  }

  #letGo(): void {
    for (const account of this.#accounts.values()) {
      for (const pass of account.waiting) {
        if (this.#isOver(account)) break;
        account.waiting.delete(pass);
        pass();
      }
    }
  }
}
