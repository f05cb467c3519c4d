import { backoffMs, DEFAULT_BACKOFF, type BackoffPolicy } from '../kernel/index.ts';
import type { StartVerdict } from './plan.ts';

interface FailureRecord {
  failures: number;
  lastFailure: string;
  retryAtMs: number;
  held: boolean;
  startedAtMs: number | undefined;
}

/** How an instrument stands with the supervisor. */
export type Standing =
  | { state: 'free'; failures: number }
  | { state: 'waiting'; failures: number; retryInMs: number; reason: string }
  | { state: 'held'; failures: number; reason: string };

/**
 * Remembers failures and says when a start may be tried again: exponential back-off, then hold until a person releases.
 *
 * INVARIANTS: synchronous and without I/O; only the reconciler calls it; time comes from the given clock.
 */
export class Supervisor {
  readonly #records = new Map<string, FailureRecord>();
  readonly #policy: BackoffPolicy;
  readonly #nowMs: () => number;

  constructor(policy: BackoffPolicy = DEFAULT_BACKOFF, nowMs: () => number = () => performance.now()) {
    this.#policy = policy;
    this.#nowMs = nowMs;
  }

  /** A start succeeded. The count of failures is cleared only after it has run long enough. */
  started(name: string): void {
    this.#record(name).startedAtMs = this.#nowMs();
  }

  /** A start failed, or a running instrument ended or stopped answering. @returns true when it is held from now on. */
  failed(name: string, reason: string): boolean {
    const record = this.#record(name);
    const ranMs = record.startedAtMs === undefined ? 0 : this.#nowMs() - record.startedAtMs;
    if (ranMs >= this.#policy.healthyAfterMs) record.failures = 0;
    record.startedAtMs = undefined;
    record.failures += 1;
    record.lastFailure = reason;
    record.retryAtMs = this.#nowMs() + backoffMs(this.#policy, record.failures);
    const newlyHeld = !record.held && record.failures >= this.#policy.holdAfter;
    record.held ||= newlyHeld;
    return newlyHeld;
  }

  /** A person said: try again now. */
  release(name: string): void {
    this.#records.delete(name);
  }

  /** An instrument left the configuration. */
  forget(name: string): void {
    this.#records.delete(name);
  }

  verdict(name: string): StartVerdict {
    const standing = this.standing(name);
    return standing.state === 'free' ? { may: true } : { may: false, reason: standing.reason };
  }

  standing(name: string): Standing {
    const record = this.#records.get(name);
    if (record === undefined) return { state: 'free', failures: 0 };
    const { failures } = record;
    if (record.held) return { state: 'held', failures, reason: record.lastFailure };
    const retryInMs = record.retryAtMs - this.#nowMs();
    if (failures > 0 && retryInMs > 0)
      return { state: 'waiting', failures, retryInMs, reason: record.lastFailure };
    return { state: 'free', failures };
  }

  /** Milliseconds until the next back-off ends; undefined when none is running. */
  nextRetryMs(): number | undefined {
    const waits = [...this.#records.keys()].flatMap((name) => {
      const standing = this.standing(name);
      return standing.state === 'waiting' ? [standing.retryInMs] : [];
    });
    return waits.length === 0 ? undefined : Math.min(...waits);
  }

  #record(name: string): FailureRecord {
    let record = this.#records.get(name);
    if (record === undefined) {
      record = { failures: 0, lastFailure: '', retryAtMs: 0, held: false, startedAtMs: undefined };
      this.#records.set(name, record);
    }
    return record;
  }
}
