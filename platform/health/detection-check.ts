import { randomBytes } from 'node:crypto';
import { DETECTION_CHECK, type StoredEvent } from '../contracts/index.ts';
import { describeError } from '../kernel/index.ts';
import { buildCheckFrame } from './check-frame.ts';
import { explainMiss, type PathCounters } from './check-path.ts';

/** `blind`: two or more in a row did not come back. `off`: not started, or stopped. */
export type CheckState = 'pending' | 'ok' | 'missed' | 'blind' | 'off';

/** What a status shows of a check. */
export interface CheckStatus {
  state: CheckState;
  /** ISO 8601 of the last check that came back. */
  lastOk?: string;
  /** From injection to the stored event. */
  latencyMs?: number;
  /** In words, when it is missed or blind: where the packet stopped and what to look at. */
  text?: string;
}

/** The smallest parts that a {@link DetectionCheck} needs. */
export interface DetectionCheckParts {
  /** Name of the monitor interface. */
  monitor: string;
  intervalS: number;
  /** A check that is not back by then counts as missed. */
  timeoutS: number;
  /** Puts the frame into the monitor interface's receive path. */
  inject: (frame: Buffer) => Promise<void>;
  /** Publishes an event of the platform. Must not throw. */
  publish: (type: 'check.passed' | 'check.missed', record: Record<string, unknown>) => void;
  /** Counters of the packet path, to say where a check stopped. */
  counters?: () => Promise<PathCounters | undefined>;
  /** May the first check go out? Asked once a second; after `STARTING_MS` it goes out whatever the answer. */
  ready?: () => boolean;
}

/** A tool that has not started by then is a finding, not a reason to wait. */
const STARTING_MS = 120_000;
const READY_POLL_MS = 1_000;
/** A state that does not change is published again after this long. */
const REMIND_MS = 3_600_000;
const BLIND_AFTER = 2;

/**
 * Proves, again and again, that a packet on one monitor interface still becomes a stored alert.
 *
 * INVARIANTS: at most one check is under way; each has a fresh 128-bit nonce, so an answer can be neither old nor
 * guessed; after `stop` nothing is injected or published. A failing injection is a missed check, never an exception.
 */
export class DetectionCheck {
  readonly #parts: DetectionCheckParts;
  #status: CheckStatus = { state: 'off' };
  #misses = 0;
  #published: { state: CheckState; atMs: number } | undefined;
  #pending: { nonce: string; sentMs: number; before: Promise<PathCounters | undefined> } | undefined;
  /** The last one that was missed: it may still come, late. */
  #late: { nonce: string; sentMs: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #startedMs = 0;

  constructor(parts: DetectionCheckParts) {
    this.#parts = parts;
  }

  get status(): Readonly<CheckStatus> {
    return this.#status;
  }

  /** How many in a row did not come back. */
  get consecutiveMisses(): number {
    return this.#misses;
  }

  /** Begins; the first check goes out as soon as `ready` says so. */
  start(): void {
    if (this.#status.state !== 'off') return;
    this.#status = { ...this.#status, state: 'pending' };
    this.#startedMs = performance.now();
    this.#after(0);
  }

  /** Ends at once; a check under way is forgotten. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#pending = undefined;
    this.#late = undefined;
    this.#published = undefined;
    this.#misses = 0;
    this.#status = { state: 'off' };
  }

  /** Give it every stored event of type `check`; true when it was the answer to the check under way. */
  onEvent(event: Pick<StoredEvent, 'type' | 'record'>): boolean {
    if (event.type !== DETECTION_CHECK.eventType || this.#status.state === 'off') return false;
    const nonce = event.record['nonce'];
    const pending = this.#pending;
    if (pending !== undefined && nonce === pending.nonce) {
      this.#passed(Math.round(performance.now() - pending.sentMs));
      return true;
    }
    if (this.#late !== undefined && nonce === this.#late.nonce) {
      const seconds = Math.round((performance.now() - this.#late.sentMs) / 1000);
      this.#late = undefined;
      const text = `A check on ${this.#parts.monitor} came back only after ${String(seconds)} s: the sensor is overloaded.`;
      this.#status = { ...this.#status, text };
    }
    return false;
  }

  #after(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#begin();
    }, ms);
    this.#timer.unref();
  }

  #begin(): void {
    const starting = this.#misses === 0 && this.#status.lastOk === undefined;
    const waitedMs = performance.now() - this.#startedMs;
    if (starting && waitedMs < STARTING_MS && this.#parts.ready?.() === false) {
      this.#after(READY_POLL_MS);
      return;
    }
    const nonce = randomBytes(16).toString('hex');
    // Read before the frame goes out; the answer is only looked at if the check is missed.
    const before = this.#counters();
    const check = { nonce, sentMs: performance.now(), before };
    this.#pending = check;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#missed(check, undefined), this.#parts.timeoutS * 1000);
    this.#timer.unref();
    void before
      .then(async () => {
        if (this.#pending !== check) return;
        check.sentMs = performance.now();
        await this.#parts.inject(buildCheckFrame(nonce));
      })
      .catch(async (error: unknown) => this.#missed(check, error));
  }

  #passed(latencyMs: number): void {
    this.#pending = undefined;
    this.#late = undefined;
    this.#misses = 0;
    this.#status = { state: 'ok', lastOk: new Date().toISOString(), latencyMs };
    this.#tell('check.passed', { latencyMs });
    this.#after(this.#parts.intervalS * 1000);
  }

  async #missed(
    check: { nonce: string; sentMs: number; before: Promise<PathCounters | undefined> },
    error: unknown,
  ): Promise<void> {
    if (this.#pending !== check) return;
    this.#pending = undefined;
    this.#late = { nonce: check.nonce, sentMs: check.sentMs };
    this.#misses += 1;
    const misses = this.#misses;
    this.#after(Math.max(1, this.#parts.intervalS - this.#parts.timeoutS) * 1000);
    const text =
      error === undefined
        ? explainMiss(this.#parts.monitor, await check.before, await this.#counters())
        : `The check could not be put into ${this.#parts.monitor}: ${describeError(error)}`;
    // The counters took a while: it may have been stopped, or the next one may have passed.
    if (this.#status.state === 'off' || this.#misses !== misses) return;
    this.#status = { ...this.#status, state: misses >= BLIND_AFTER ? 'blind' : 'missed', text };
    this.#tell('check.missed', { consecutive: misses, text });
  }

  /** Publishes changes, and hourly what stays. Every miss is told: each is one check that nobody saw. */
  #tell(type: 'check.passed' | 'check.missed', more: Record<string, unknown>): void {
    const { state } = this.#status;
    const nowMs = performance.now();
    const known = this.#published;
    if (type === 'check.passed' && known?.state === state && nowMs - known.atMs < REMIND_MS) return;
    this.#published = { state, atMs: nowMs };
    this.#parts.publish(type, { monitor: this.#parts.monitor, state, ...more });
  }

  async #counters(): Promise<PathCounters | undefined> {
    try {
      return await this.#parts.counters?.();
    } catch {
      return undefined; // the explanation then says that they cannot be read
    }
  }
}
