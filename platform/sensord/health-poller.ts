import { z } from 'zod';
import { describeError, type Logger } from '../kernel/index.ts';

const HealthReplySchema = z.object({
  state: z.enum(['ok', 'starting', 'degraded', 'failed']),
  detail: z.string().max(500).optional(),
  counters: z.record(z.string().max(64), z.number()).default({}),
});

/** A new start is asked this often, for this long. Who is not connected yet costs one refused request. */
const HURRY_EVERY_MS = 25;
const HURRY_MS = 20_000;

/** What an instrument last said of itself. */
export interface Health {
  state: 'ok' | 'starting' | 'degraded' | 'failed' | 'unknown';
  detail?: string;
  counters: Readonly<Record<string, number>>;
}

export const UNKNOWN_HEALTH: Health = Object.freeze({ state: 'unknown', counters: {} });

/** What the poller needs. */
export interface HealthPollerParts {
  log: Logger;
  /** Instruments that should answer now. */
  running: () => readonly string[];
  ask: (instrument: string) => Promise<unknown>;
  /** The bus itself is up; else silence is not the instrument's fault. */
  busUp: () => boolean;
  /** Silent or failed for too long: treat like a crash. */
  onUnhealthy: (instrument: string, reason: string) => Promise<void>;
  everyMs: number;
  /** Silence this long after its start, or after its last answer, is a failure. */
  silenceMs: number;
  nowMs?: () => number;
}

/**
 * Asks each running instrument how it is.
 *
 * INVARIANTS: one round at a time; instruments are asked in parallel and one that is slow delays no other's verdict;
 * after `stop` resolves nobody is asked.
 */
export class HealthPoller {
  readonly #parts: HealthPollerParts;
  readonly #last = new Map<string, Health>();
  readonly #heardAtMs = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #stopped = false;

  constructor(parts: HealthPollerParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#round ??= this.#poll().finally(() => {
        this.#round = undefined;
      });
    }, this.#parts.everyMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#round;
  }

  health(instrument: string): Health {
    return this.#last.get(instrument) ?? UNKNOWN_HEALTH;
  }

  /** Forgets what was said before a restart. */
  reset(instrument: string): void {
    this.#last.delete(instrument);
    this.#heardAtMs.set(instrument, this.#now());
  }

  /** It was started just now: asks it often until it answers for the first time, so that nobody waits for a round. */
  started(instrument: string): void {
    this.reset(instrument);
    const until = this.#now() + HURRY_MS;
    const again = () => {
      if (this.#stopped || this.#last.has(instrument) || this.#now() > until) return;
      void this.#pollOne(instrument).then(() => {
        setTimeout(again, HURRY_EVERY_MS).unref();
      });
    };
    again();
  }

  /** Asks everybody now; resolves when all answered or timed out. */
  async #poll(): Promise<void> {
    await Promise.all(this.#parts.running().map((name) => this.#pollOne(name)));
  }

  async #pollOne(name: string): Promise<void> {
    if (!this.#heardAtMs.has(name)) this.#heardAtMs.set(name, this.#now());
    try {
      const reply = HealthReplySchema.parse(await this.#parts.ask(name));
      const { state, detail, counters } = reply;
      this.#last.set(name, { state, counters, ...(detail === undefined ? {} : { detail }) });
      if (state !== 'failed') this.#heardAtMs.set(name, this.#now());
    } catch (error) {
      this.#parts.log.debug({ err: error, instrument: name }, `no health answer: ${describeError(error)}`);
    }
    if (!this.#parts.busUp()) this.#heardAtMs.set(name, this.#now());
    const silentMs = this.#now() - (this.#heardAtMs.get(name) ?? 0);
    if (this.#stopped || silentMs < this.#parts.silenceMs) return;
    const last = this.#last.get(name);
    const reason =
      last?.state === 'failed'
        ? `it says that it failed${last.detail === undefined ? '' : `: ${last.detail}`}`
        : `it did not answer for ${String(Math.round(silentMs / 1000))} s`;
    this.reset(name);
    await this.#parts.onUnhealthy(name, reason);
  }

  #now(): number {
    return (this.#parts.nowMs ?? (() => performance.now()))();
  }
}
