import { setTimeout as sleep } from 'node:timers/promises';
import { BulkheadError, describeError, hasCode, type Logger } from '@bulkhead/platform/kernel';
import type { SensorLinks } from './ports.ts';
import type { Registry } from './registry.ts';
import type { Revisions } from './revisions.ts';

export interface HandOverParts {
  registry: Pick<Registry, 'find'>;
  revisions: Revisions;
  links: SensorLinks;
  log: Logger;
  changed: (sensor: string) => void;
}

/** The next revision does not wait longer than this for the one before to be taken. */
const HAND_OVER_MS = 1_000;
/** A sensor that has not taken what was sent before is tried again so soon. */
const BUSY_MS = 1_000;

/**
 * Gives sensors the newest of what is wanted of them.
 *
 * INVARIANTS: one hand-over at a time for each sensor, each in a queue of its own: no sensor ever waits for another. Only the
 * newest revision is handed over, and only to a sensor that is active and there. What is not taken is tried when the sensor
 * attaches, unless the sensor refused it for what it is; a sensor that is busy is tried again soon. What comes late of an earlier
 * hand-over changes nothing of a later one. After `end` nothing is begun and nothing is written.
 */
export class HandOver {
  readonly #parts: HandOverParts;
  readonly #queues = new Map<string, Promise<void>>();
  /** The latest hand-over to each sensor whose outcome is not known. */
  readonly #latest = new Map<string, symbol>();
  #ended = false;

  constructor(parts: HandOverParts) {
    this.#parts = parts;
  }

  /** Returns at once. */
  begin(sensor: string): void {
    const before = this.#queues.get(sensor) ?? Promise.resolve();
    const turn = before
      .then(() => this.#newest(sensor))
      .catch((error: unknown) => {
        this.#parts.log.error({ err: error, sensor }, 'a configuration could not be handed over');
      })
      .finally(() => {
        if (this.#queues.get(sensor) === turn) this.#queues.delete(sensor);
      });
    this.#queues.set(sensor, turn);
  }

  /** For an orderly end: waits for what was begun. */
  async end(): Promise<void> {
    await Promise.allSettled(this.#queues.values());
    this.#ended = true;
  }

  async #newest(sensor: string): Promise<void> {
    const { registry, revisions, links } = this.#parts;
    if (this.#ended) return;
    const newest = revisions.newest(sensor);
    if (newest === undefined || newest.state === 'failed') return;
    if (registry.find(sensor)?.state !== 'active' || !links.attached(sensor)) return;
    const { number, document, author, reason } = newest;
    // Before it is sent: the answer may come sooner than the sending returns.
    revisions.sent(sensor, number);
    const late = new AbortController();
    await Promise.race([
      this.#give(sensor, number, document, author, reason),
      sleep(HAND_OVER_MS, undefined, { signal: late.signal, ref: false }).catch(() => undefined),
    ]);
    late.abort();
    this.#parts.changed(sensor);
  }

  async #give(
    sensor: string,
    number: number,
    document: string,
    author: string,
    reason: string,
  ): Promise<void> {
    const { links, revisions } = this.#parts;
    const mine = Symbol(sensor);
    this.#latest.set(sensor, mine);
    const isLatest = () => !this.#ended && this.#latest.get(sensor) === mine;
    try {
      await links.desire(sensor, number, document, author, reason);
    } catch (error) {
      if (!isLatest()) return;
      if (hasCode(error, 'FLEET_LINKS_BUSY') && links.attached(sensor)) {
        revisions.unsent(sensor, number);
        setTimeout(() => {
          if (isLatest()) this.begin(sensor);
        }, BUSY_MS).unref();
        return;
      }
      this.#notTaken(sensor, number, error);
    }
    if (isLatest()) this.#latest.delete(sensor);
  }

  #notTaken(sensor: string, number: number, error: unknown): void {
    const { revisions, links, log } = this.#parts;
    const text = `a configuration was not taken: ${describeError(error)}`;
    log.warn({ err: error, sensor, revision: number }, text);
    // What is wrong with the configuration itself will be wrong again.
    const lasting = error instanceof BulkheadError && !/_(LOST|OFFLINE|TIMEOUT)$/.test(error.code);
    if (lasting && links.attached(sensor)) {
      const { code, message } = error;
      revisions.result(sensor, number, { ok: false, code, message, sensorRevision: undefined });
    } else {
      revisions.unsent(sensor, number);
    }
    this.#parts.changed(sensor);
  }
}
