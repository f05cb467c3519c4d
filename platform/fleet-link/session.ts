import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { FromFleet, FromSensor, Hello, LinkClient, Welcome } from '../contracts/fleet/index.ts';
import { BulkheadError } from '../kernel/index.ts';

const TICK_MS = 250;
/** Until the fleet says how often; within bounds also then. */
const HEARTBEAT_MS = 1_000;
const HEARTBEAT_BOUNDS_MS = [200, 10_000] as const;
const WELCOME_MS = 15_000;
/** A fleet that is heard but takes nothing any more is as good as gone. */
const STUCK_MS = 10_000;
const FAREWELL_MS = 500;
/** What waits to be taken; a fleet that provokes answers without reading them loses its link. */
const MAX_WAITING = 512;

export interface SessionParts {
  client: Pick<LinkClient, 'attach'>;
  hello: () => Hello;
  /** Everything but heartbeats. Must not block. */
  received: (message: NonNullable<FromFleet['what']>) => void;
  welcomed: (welcome: Welcome) => void;
}

/** How a session ended. */
export interface SessionEnd {
  welcomed: boolean;
  /** Absent when we ended it. */
  error?: ServiceError | BulkheadError;
}

/**
 * One attach stream to the fleet, from Hello to its end.
 *
 * INVARIANTS: `run` once. Either side that is not heard for three heartbeats ends it; so does a fleet that takes nothing for ten
 * seconds. What is sent is taken in order; `send` resolves when the transport took it and rejects when the session is over.
 */
export class AttachSession {
  readonly #parts: SessionParts;
  readonly #call: ClientDuplexStream<FromSensor, FromFleet>;
  #heartbeatMs = HEARTBEAT_MS;
  #heardMs = performance.now();
  #saidMs = 0;
  #tickMs = performance.now();
  readonly #startedMs = performance.now();
  /** When those that wait to be taken began to wait; the oldest first. */
  readonly #waiting: number[] = [];
  readonly #senders = new Set<() => void>();
  #welcomed = false;
  #ended: SessionEnd | undefined;
  #finish: (end: SessionEnd) => void = () => undefined;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#call = parts.client.attach();
  }

  get open(): boolean {
    return this.#welcomed && this.#ended === undefined;
  }

  async run(): Promise<SessionEnd> {
    const call = this.#call;
    const ended = new Promise<SessionEnd>((resolve) => {
      this.#finish = resolve;
    });
    call.on('data', (message: FromFleet) => {
      this.#hear(message);
    });
    call.on('error', (error: ServiceError) => {
      this.#end({ welcomed: this.#welcomed, error });
    });
    call.on('end', () => {
      this.#end({ welcomed: this.#welcomed, error: silent('closed the link') });
    });
    const timer = setInterval(() => {
      this.#tick();
    }, TICK_MS);
    void this.send({ $case: 'hello', value: this.#parts.hello() }).catch(() => undefined);
    try {
      return await ended;
    } finally {
      clearInterval(timer);
    }
  }

  /** @throws BulkheadError FLEET_LINK_DOWN when the session is over. */
  async send(what: NonNullable<FromSensor['what']>): Promise<void> {
    if (this.#ended !== undefined) throw down();
    if (this.#waiting.length >= MAX_WAITING) {
      this.#cut('does not take what it asked for');
      throw down();
    }
    this.#waiting.push(performance.now());
    await new Promise<void>((resolve, reject) => {
      // A call that is cancelled never says what became of what waited.
      const give = (): void => {
        reject(down());
      };
      this.#senders.add(give);
      this.#call.write({ what } satisfies FromSensor, (error?: Error | null) => {
        this.#waiting.shift();
        this.#senders.delete(give);
        if (error === null || error === undefined) resolve();
        else give();
      });
    });
  }

  /** Ends it from this side. Idempotent. */
  close(): void {
    this.#end({ welcomed: this.#welcomed });
  }

  #hear({ what }: FromFleet): void {
    if (this.#ended !== undefined) return;
    this.#heardMs = performance.now();
    if (what === undefined || what.$case === 'heartbeat') return;
    if (what.$case === 'welcome') {
      if (this.#welcomed) return;
      this.#welcomed = true;
      const [least, most] = HEARTBEAT_BOUNDS_MS;
      this.#heartbeatMs = Math.min(most, Math.max(least, what.value.heartbeatMs || HEARTBEAT_MS));
      this.#parts.welcomed(what.value);
      return;
    }
    // Nothing is done for whoever has not said who it is and what it speaks.
    if (this.#welcomed) this.#parts.received(what);
  }

  #tick(): void {
    const now = performance.now();
    // When this process stood still, what the fleet said meanwhile has not been read yet: that is no silence of the fleet.
    const frozenMs = Math.max(0, now - this.#tickMs - 2 * TICK_MS);
    this.#heardMs += frozenMs;
    this.#tickMs = now;
    if (!this.#welcomed) {
      if (now - this.#startedMs > WELCOME_MS) this.#cut('did not say welcome');
    } else if (now - this.#heardMs > 3 * this.#heartbeatMs - TICK_MS) {
      this.#cut(`was silent for ${String(Math.round((now - this.#heardMs) / 100) / 10)} s`);
    } else if (now - (this.#waiting[0] ?? now) > STUCK_MS) {
      this.#cut('takes nothing any more');
    } else if (now - this.#saidMs >= this.#heartbeatMs - TICK_MS / 2 && this.#waiting.length < 2) {
      this.#saidMs = now;
      void this.send({ $case: 'heartbeat', value: { clockMs: Date.now() } }).catch(() => undefined);
    }
  }

  #cut(why: string): void {
    this.#end({ welcomed: this.#welcomed, error: silent(why) });
  }

  #end(end: SessionEnd): void {
    if (this.#ended !== undefined) return;
    this.#ended = end;
    if (end.error === undefined) {
      this.#call.end();
      // What was sent last still arrives; a fleet that does not end its half is not waited for.
      setTimeout(() => {
        this.#call.cancel();
      }, FAREWELL_MS).unref();
    } else {
      this.#call.cancel();
    }
    for (const give of this.#senders) give();
    this.#senders.clear();
    this.#finish(end);
  }
}

function silent(why: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_LINK_SILENT',
    message: `The fleet ${why}; the sensor connects again.`,
    hint: 'When it happens often, look at the network between, or at the load of the fleet.',
  });
}

/** For what needs the link while there is none. */
export function down(): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_LINK_DOWN',
    message: 'There is no link to the fleet now.',
    hint: 'The sensor tries by itself; `bulkhead fleet status` says how it stands.',
  });
}
