import { isIPv6 } from 'node:net';
import { BulkheadError, ipv6Groups } from '@bulkhead/platform/kernel';

const ADDRESSES_MOST = 10_000;

/**
 * How often one address may try something within a minute. An IPv6 address counts as its /64, which is what one customer has.
 *
 * INVARIANTS: bounded; who is forgotten first is who came first.
 */
export class Attempts {
  readonly #most: number;
  readonly #windowMs: number;
  readonly #now: () => number;
  readonly #counts = new Map<string, { count: number; endMs: number }>();

  constructor(most: number, now: () => number, windowMs = 60_000) {
    this.#most = most;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /** @throws BulkheadError FLEET_SENSORS_LIMITED */
  check(address: string): void {
    const entry = this.#counts.get(placeOf(address));
    if (entry === undefined || entry.endMs <= this.#now() || entry.count < this.#most) return;
    const waitS = Math.ceil((entry.endMs - this.#now()) / 1000);
    throw new BulkheadError({
      code: 'FLEET_SENSORS_LIMITED',
      message: `Too many attempts came from this address; the next is possible in ${String(waitS)} s.`,
      fields: { retryAfterS: waitS },
    });
  }

  note(address: string): void {
    const place = placeOf(address);
    const nowMs = this.#now();
    const entry = this.#counts.get(place);
    if (entry !== undefined && entry.endMs > nowMs) {
      entry.count += 1;
      return;
    }
    this.#counts.delete(place);
    this.#counts.set(place, { count: 1, endMs: nowMs + this.#windowMs });
    const oldest = this.#counts.keys().next().value;
    if (this.#counts.size > ADDRESSES_MOST && oldest !== undefined) this.#counts.delete(oldest);
  }

  /** Checks, then counts. */
  take(address: string): void {
    this.check(address);
    this.note(address);
  }
}

function placeOf(address: string): string {
  const plain = address.replace(/%.*$/, '');
  if (!isIPv6(plain) || plain.startsWith('::ffff:')) return plain;
  return ipv6Groups(plain).slice(0, 4).join(':');
}
