/** One connection that waits for, or has, its turn. */
export interface Turn {
  /** The turn is over (or is not wanted any more): the next one may go. Idempotent. */
  done: () => void;
}

interface Waiting {
  go: () => void;
  state: 'waiting' | 'going' | 'over';
}

interface Queue {
  going: number;
  waiting: Waiting[];
}

/** How many may go at once and wait, in all and of one address. */
export interface AdmissionLimits {
  handshakes: number;
  handshakesPerAddress: number;
  waiting: number;
  waitingPerAddress: number;
}

/**
 * Lets connections go to their handshake, a bounded number at once and addresses in turn: a whole fleet that comes back at once
 * is served at the speed of the machine, and one address that opens connections without end takes no more than its share.
 *
 * INVARIANTS: synchronous. `go` is called at most once for each turn, never after its `done`. What waits is bounded.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  /** In the order in which addresses are served next. */
  readonly #queues = new Map<string, Queue>();
  #going = 0;
  #waiting = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** @returns undefined when too many wait already. `go` may be called before this returns. */
  enter(address: string, go: () => void): Turn | undefined {
    const queue = this.#queues.get(address) ?? { going: 0, waiting: [] };
    if (this.#waiting >= this.#limits.waiting || queue.waiting.length >= this.#limits.waitingPerAddress) {
      return undefined;
    }
    this.#queues.set(address, queue);
    const one: Waiting = { go, state: 'waiting' };
    queue.waiting.push(one);
    this.#waiting += 1;
    this.#serve();
    return {
      done: () => {
        this.#end(address, queue, one);
      },
    };
  }

  #end(address: string, queue: Queue, one: Waiting): void {
    if (one.state === 'over') return;
    if (one.state === 'going') {
      queue.going -= 1;
      this.#going -= 1;
    } else {
      queue.waiting.splice(queue.waiting.indexOf(one), 1);
      this.#waiting -= 1;
    }
    one.state = 'over';
    if (queue.going === 0 && queue.waiting.length === 0 && this.#queues.get(address) === queue) {
      this.#queues.delete(address);
    }
    this.#serve();
  }

  #serve(): void {
    while (this.#going < this.#limits.handshakes && this.#waiting > 0) {
      const next = this.#next();
      if (next === undefined) return;
      const [address, queue] = next;
      const one = queue.waiting.shift();
      if (one === undefined) return;
      // To the end of the line: the other addresses come first.
      this.#queues.delete(address);
      this.#queues.set(address, queue);
      this.#waiting -= 1;
      this.#going += 1;
      queue.going += 1;
      one.state = 'going';
      one.go();
    }
  }

  #next(): [string, Queue] | undefined {
    for (const entry of this.#queues) {
      const [, queue] = entry;
      if (queue.waiting.length > 0 && queue.going < this.#limits.handshakesPerAddress) return entry;
    }
    return undefined;
  }
}
