import { readEveLine } from './eve-record.ts';
import { CHECK } from './reserved.ts';

/** What the publisher needs of the bus and of the pipe. */
export interface EvePublisherParts {
  /** Hands one record to the bus; resolves when it is durable. Records of one message share one promise. */
  publish(type: string, line: Buffer): Promise<void>;
  /** Event types that the instrument may publish. */
  allowed: ReadonlySet<string>;
  pause(): void;
  resume(): void;
  /** Told once per kind of trouble. */
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  limits?: Partial<PublisherLimits>;
}

/** Bytes of records handed to the bus and not yet stored, and what happens when they pile up. */
export interface PublisherLimits {
  /** From here on the pipe is not read: Suricata waits, the capture ring takes up the rest. */
  pauseBytes: number;
  resumeBytes: number;
  /** Nothing was stored for this long while paused: the bus is stuck, so records are shed instead of going blind. */
  stuckMs: number;
  /** What alerts, checks and anomalies may still fill while the rest is shed. */
  hardBytes: number;
}

/** Every line of EVE is counted in exactly one of published, checks, checkFlows, malformed, refused, shed, lost. */
export interface EveCounters {
  lines: number;
  published: number;
  alerts: number;
  checks: number;
  checkFlows: number;
  malformed: number;
  /** Of a type that the instrument may not publish. */
  refused: number;
  /** Dropped because the bus was stuck. */
  shed: number;
  /** Taken by the bus's buffer and then not stored. */
  lost: number;
  /** How often the pipe was paused. */
  pauses: number;
}

const DEFAULT_LIMITS: PublisherLimits = {
  pauseBytes: 24 * 2 ** 20,
  resumeBytes: 8 * 2 ** 20,
  stuckMs: 5_000,
  hardBytes: 30 * 2 ** 20,
};

/** Kept while others are shed: few, and what the sensor is there for. */
const PRECIOUS: ReadonlySet<string> = new Set(['alert', 'anomaly', CHECK.eventType]);

/** Records of one message on their way. */
interface Batch {
  promise: Promise<void>;
  bytes: number;
  records: number;
}

/**
 * Publishes EVE lines under their event types.
 *
 * INVARIANTS: `take` is called by one reader; at most `hardBytes` are on their way; while the bus makes progress nothing is
 * dropped, Suricata is slowed down instead; while the bus is stuck everything but alerts, checks and anomalies is dropped
 * and counted.
 */
export class EvePublisher {
  readonly counters: EveCounters = {
    lines: 0,
    published: 0,
    alerts: 0,
    checks: 0,
    checkFlows: 0,
    malformed: 0,
    refused: 0,
    shed: 0,
    lost: 0,
    pauses: 0,
  };
  readonly #parts: EvePublisherParts;
  readonly #limits: PublisherLimits;
  readonly #open = new Map<string, Batch>();
  readonly #told = new Set<string>();
  #waitingBytes = 0;
  #paused = false;
  #shedding = false;
  #lastProgress = performance.now();
  #stuckMs: number;

  constructor(parts: EvePublisherParts) {
    this.#parts = parts;
    this.#limits = { ...DEFAULT_LIMITS, ...parts.limits };
    this.#stuckMs = this.#limits.stuckMs;
  }

  /** True while records are shed. */
  get shedding(): boolean {
    return this.#shedding;
  }

  /** Takes one line, without its newline; its memory may be used again when this returns. */
  take(line: Buffer): void {
    this.counters.lines += 1;
    const eve = readEveLine(line);
    switch (eve.kind) {
      case 'event':
        this.#publish(eve.type, line);
        return;
      case 'check':
        this.#publish(CHECK.eventType, Buffer.from(JSON.stringify(eve.record)));
        return;
      case 'check-flow':
        this.counters.checkFlows += 1;
        return;
      case 'malformed':
        this.counters.malformed += 1;
        this.#tell('malformed', `A line of EVE is not a record: ${eve.why}.`, { bytes: line.length });
    }
  }

  /** To be called about once a second: notices a stuck bus. */
  tick(): void {
    if (!this.#paused || performance.now() - this.#lastProgress < this.#stuckMs) return;
    this.#paused = false;
    this.#shedding = true;
    this.#parts.warn('The bus takes no events: only alerts, checks and anomalies are kept until it does.', {
      waitingBytes: this.#waitingBytes,
    });
    this.#parts.resume();
  }

  /** The instrument stops: a stuck bus must not keep Suricata from ending. */
  hurry(): void {
    this.#stuckMs = Math.min(this.#stuckMs, 1_000);
  }

  #publish(type: string, line: Buffer): void {
    if (!this.#parts.allowed.has(type)) {
      this.counters.refused += 1;
      this.#tell(
        `refused ${type}`,
        `Events of type ${type} are not granted to this instrument; they are dropped.`,
        {
          type,
        },
      );
      return;
    }
    if (
      this.#shedding &&
      (!PRECIOUS.has(type) || this.#waitingBytes + line.length > this.#limits.hardBytes)
    ) {
      this.counters.shed += 1;
      return;
    }
    this.#count(type, line.length, this.#parts.publish(type, line));
    if (!this.#paused && !this.#shedding && this.#waitingBytes >= this.#limits.pauseBytes) {
      this.#paused = true;
      this.counters.pauses += 1;
      this.#lastProgress = performance.now();
      this.#parts.pause();
    }
  }

  #count(type: string, bytes: number, promise: Promise<void>): void {
    this.#waitingBytes += bytes;
    const open = this.#open.get(type);
    if (open?.promise === promise) {
      open.bytes += bytes;
      open.records += 1;
      return;
    }
    const batch: Batch = { promise, bytes, records: 1 };
    this.#open.set(type, batch);
    promise.then(
      () => {
        this.#settle(type, batch, true);
      },
      (error: unknown) => {
        this.#settle(type, batch, false);
        const code = (error as { code?: string }).code ?? 'unknown';
        this.#tell(`lost ${code}`, `Events of type ${type} were not stored: ${String(error)}`, {
          type,
          code,
        });
      },
    );
  }

  #settle(type: string, batch: Batch, stored: boolean): void {
    if (this.#open.get(type) === batch) this.#open.delete(type);
    this.#waitingBytes -= batch.bytes;
    if (stored) {
      this.#lastProgress = performance.now();
      this.counters.published += batch.records;
      if (type === 'alert') this.counters.alerts += batch.records;
      if (type === CHECK.eventType) this.counters.checks += batch.records;
    } else {
      this.counters.lost += batch.records;
    }
    if (this.#waitingBytes > this.#limits.resumeBytes) return;
    this.#shedding = false;
    if (!this.#paused) return;
    this.#paused = false;
    this.#parts.resume();
  }

  /** Says each kind of trouble once; the counters say how often. */
  #tell(kind: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.#told.has(kind) || this.#told.size >= 64) return;
    this.#told.add(kind);
    this.#parts.warn(message, fields);
  }
}
