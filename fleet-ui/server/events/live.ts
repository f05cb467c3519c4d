import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { EventFilter, FleetEvent } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { IDS_PER_MS } from './store/database.ts';
import { planSearch, type SearchPlan } from './store/filter.ts';
import { recordsOf, type IncomingMessage } from './store/message.ts';
import { eventId } from './store/packs.ts';
import { severityOf } from './store/severity.ts';

const STREAMS_MOST = 256;
const STREAMS_OF_ONE = 8;
/** Of one page that does not read; it is ended, and comes back. */
const BUFFER_BYTES = 512 * 1024;
/** More than this in a second nobody can look at; the rest is counted and found by searching. */
const EVENTS_PER_S = 500;
/** For who was away for a moment. */
const KEPT_EVENTS = 2_000;
/** After so long without a page nothing is kept for it. */
const AWAY_MS = 60_000;
const SIGN_OF_LIFE_MS = 15_000;

/** Who listens, as far as it matters here. */
export interface Listening {
  id: string;
  may(right: 'events.read', sensor?: string): boolean;
  /** False: session, token or roles are not what they were. */
  isAlive?(): boolean;
}

interface Page {
  person: Listening;
  suppressed: NonNullable<EventFilter['suppressed']>;
  plan: SearchPlan;
  stream: Readable;
}

interface Kept {
  n: number;
  event: FleetEvent;
}

/**
 * Events of all sensors as they come in, to open pages.
 *
 * INVARIANTS: nobody gets an event of a sensor that they may not read. A page that does not read its stream loses it instead of
 * filling the memory.
 */
export class LiveEvents {
  readonly #pages = new Set<Page>();
  /** Places of an earlier run mean nothing here. */
  readonly #run = randomBytes(4).toString('hex');
  readonly #listeners = new Map<(event: FleetEvent) => void, (message: IncomingMessage) => boolean>();
  #kept: Kept[] = [];
  #n = 0;
  #heardAt = -Infinity;
  #second = { at: 0, told: 0 };
  #skipped = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #suppressions: { acting(): readonly unknown[]; arrived(event: FleetEvent): string | undefined };

  /** @param suppressions is asked about each event once, when it comes */
  constructor(suppressions: {
    acting(): readonly unknown[];
    arrived(event: FleetEvent): string | undefined;
  }) {
    this.#suppressions = suppressions;
  }

  get count(): number {
    return this.#pages.size;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      // Time ends sessions and tokens too, and nobody says so.
      this.judgeAgain();
      for (const { stream } of this.#pages) push(stream, ': still here\n\n');
    }, SIGN_OF_LIFE_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.endAll();
  }

  /**
   * Called with every event that came in, for others on this machine; slower ones get no say. Events with `suppressed` too: nobody
   * is to be notified of those. Returns how to stop.
   * @param wants asked before a message is read: what nobody wants costs nothing
   */
  onEvent(
    listener: (event: FleetEvent) => void,
    wants: (message: IncomingMessage) => boolean = () => true,
  ): () => void {
    this.#listeners.set(listener, wants);
    return () => this.#listeners.delete(listener);
  }

  /**
   * @param after `id` of the last event that the page got: what came since, as far as it is kept, comes first
   * @throws BulkheadError FLEET_EVENTS_LIVE_BUSY, FLEET_EVENTS_FILTER_INVALID
   */
  open(person: Listening, filter: EventFilter, after: string | undefined): Readable {
    const own = [...this.#pages].filter((page) => page.person.id === person.id).length;
    if (this.#pages.size >= STREAMS_MOST || own >= STREAMS_OF_ONE) {
      throw new BulkheadError({
        code: 'FLEET_EVENTS_LIVE_BUSY',
        message: `As many pages as the fleet keeps informed are open: ${String(own)} of yours, ${String(this.#pages.size)} in all.`,
      });
    }
    const stream = new Readable({ read: () => undefined, highWaterMark: BUFFER_BYTES });
    // Whether something is suppressed was judged when it came.
    const { suppressed = 'hide', ...rest } = filter;
    const page = { person, suppressed, plan: planSearch(rest), stream };
    stream.once('close', () => this.#pages.delete(page));
    stream.push('retry: 2000\n\n');
    const [run, n] = (after ?? '').split('-');
    if (run === this.#run) {
      for (const kept of this.#kept) if (kept.n > Number(n)) this.#tell(page, kept);
    }
    this.#pages.add(page);
    return stream;
  }

  /** @param ids of the messages' first records; 0 for those that were there before */
  stored(messages: readonly IncomingMessage[], ids: readonly number[]): void {
    messages.forEach((message, index) => {
      const id = ids[index] ?? 0;
      if (id > 0) this.#take(message, id);
    });
  }

  /**
   * To be called when anybody's rights or sessions changed, and now and then: whoever is not what they were when they asked is ended, comes back and is
   * judged anew; all others stay.
   */
  judgeAgain(): void {
    for (const page of [...this.#pages]) {
      if (page.person.isAlive?.() === true) continue;
      this.#pages.delete(page);
      page.stream.push(null);
    }
  }

  endAll(): void {
    for (const { stream } of [...this.#pages]) stream.push(null);
    this.#pages.clear();
  }

  #take(message: IncomingMessage, id: number): void {
    if (this.#pages.size > 0) this.#heardAt = performance.now();
    const heard = performance.now() - this.#heardAt < AWAY_MS;
    const listeners = [...this.#listeners].filter(([, wants]) => wants(message));
    // Hits of suppressions are counted, also when nobody listens.
    const suppressible = message.type === 'alert' && this.#suppressions.acting().length > 0;
    if (!heard && listeners.length === 0 && !suppressible) return;
    const { sensor, instrument, type, ceId } = message;
    const time = new Date(Math.floor(id / IDS_PER_MS)).toISOString();
    recordsOf(message.body).forEach((record, index) => {
      if (record === undefined) return;
      const came: FleetEvent = {
        ...{ id: eventId(id + index), sensor, instrument, type, time, record },
        severity: severityOf(record),
        sensorEventId: `${ceId}/${String(index)}`,
      };
      const suppressed = this.#suppressions.arrived(came);
      const event = suppressed === undefined ? came : { ...came, suppressed };
      for (const [listener] of listeners) listener(event);
      if (heard) this.#publish(event);
    });
  }

  #publish(event: FleetEvent): void {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second.at) {
      this.#tellSkipped();
      this.#second = { at: second, told: 0 };
    }
    this.#second.told += 1;
    if (this.#second.told > EVENTS_PER_S) {
      this.#skipped += 1;
      return;
    }
    this.#n += 1;
    const kept = { n: this.#n, event };
    this.#kept.push(kept);
    if (this.#kept.length > 2 * KEPT_EVENTS) this.#kept = this.#kept.slice(-KEPT_EVENTS);
    for (const page of this.#pages) this.#tell(page, kept);
  }

  #tellSkipped(): void {
    if (this.#skipped === 0) return;
    const text = `event: skipped\ndata: ${JSON.stringify({ events: this.#skipped })}\n\n`;
    this.#skipped = 0;
    for (const { stream } of this.#pages) push(stream, text);
  }

  #tell({ person, plan, stream, suppressed }: Page, { n, event }: Kept): void {
    if (suppressed !== 'show' && (event.suppressed === undefined) !== (suppressed === 'hide')) return;
    if (!person.may('events.read', event.sensor) || !plan.accepts(event)) return;
    push(stream, `id: ${this.#run}-${String(n)}\nevent: event\ndata: ${JSON.stringify(event)}\n\n`);
  }
}

function push(stream: Readable, text: string): void {
  if (stream.destroyed || stream.readableEnded) return;
  if (!stream.push(text)) stream.destroy();
}
