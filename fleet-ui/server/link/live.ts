import { Readable } from 'node:stream';
import type { GrantedRight, LiveEvent } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { Person } from '../web/index.ts';

const STREAMS_MOST = 1_000;
const STREAMS_OF_ONE = 16;
/** Of one page that does not read; it is ended, and asks for everything anew when it is back. */
const BUFFER_BYTES = 256 << 10;
const SIGN_OF_LIFE_MS = 15_000;

/** Whom an event is for: who holds this right, for its sensor if it names one. */
export interface LiveTelling {
  right: GrantedRight | 'signed-in';
  event: LiveEvent;
}

interface Listener {
  person: Person;
  stream: Readable;
}

/**
 * Tells open pages that something changed.
 *
 * INVARIANTS: nobody gets an event of a sensor that they may not read. A page that does not read its stream loses it instead of
 * filling the memory.
 */
export class LiveHub {
  readonly #listeners = new Set<Listener>();
  #timer: NodeJS.Timeout | undefined;

  get count(): number {
    return this.#listeners.size;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      // Time ends sessions and tokens too, and nobody says so.
      this.judgeAgain();
      for (const { stream } of this.#listeners) push(stream, ': still here\n\n');
    }, SIGN_OF_LIFE_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.endAll();
  }

  /** @throws BulkheadError FLEET_LINKS_LIVE_BUSY */
  open(person: Person): Readable {
    const own = [...this.#listeners].filter((one) => one.person.id === person.id).length;
    if (this.#listeners.size >= STREAMS_MOST || own >= STREAMS_OF_ONE) {
      throw new BulkheadError({
        code: 'FLEET_LINKS_LIVE_BUSY',
        message: `As many pages as the fleet keeps informed are open: ${String(own)} of yours, ${String(this.#listeners.size)} in all.`,
      });
    }
    const stream = new Readable({ read: () => undefined, highWaterMark: BUFFER_BYTES });
    const listener = { person, stream };
    this.#listeners.add(listener);
    stream.once('close', () => this.#listeners.delete(listener));
    // The browser waits this long before it comes back.
    stream.push('retry: 2000\n\n');
    push(stream, asText({ kind: 'hello', at: new Date().toISOString() }));
    return stream;
  }

  publish({ event, right }: LiveTelling): void {
    if (this.#listeners.size === 0) return;
    const text = asText(event);
    const sensor = 'sensor' in event ? event.sensor : undefined;
    for (const { person, stream } of this.#listeners) {
      if (right === 'signed-in' || person.may(right, sensor)) push(stream, text);
    }
  }

  /**
   * To be called when anybody's rights or sessions changed, and now and then: whoever is not what they were when they asked is ended, comes back and is
   * judged anew; all others stay.
   */
  judgeAgain(): void {
    for (const listener of [...this.#listeners]) {
      if (listener.person.isAlive?.() === true) continue;
      this.#listeners.delete(listener);
      listener.stream.push(null);
    }
  }

  endAll(): void {
    for (const { stream } of [...this.#listeners]) stream.push(null);
    this.#listeners.clear();
  }
}

function push(stream: Readable, text: string): void {
  if (stream.destroyed || stream.readableEnded) return;
  if (!stream.push(text)) stream.destroy();
}

function asText(event: LiveEvent): string {
  // JSON has no line breaks, so one line is the whole of it.
  return `event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}
