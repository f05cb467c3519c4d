import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export const NONCE_LIFETIME_MS = 120_000;
const USED_MOST = 100_000;

/**
 * Nonces that need no memory until somebody proves to hold a key: who only asks for them cannot fill anything. They end with
 * the process.
 *
 * INVARIANTS: `use` says true at most once for a nonce. Kept are only those that were used and have not expired.
 */
export class Nonces {
  readonly #key = randomBytes(32);
  readonly #now: () => number;
  readonly #used = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  make(): string {
    const body = `${this.#now().toString(36)}.${randomBytes(16).toString('base64url')}`;
    return `${body}.${this.#sign(body)}`;
  }

  /** Ours, and not too old. */
  isGood(nonce: string): boolean {
    const [, body = '', time = '', signature = ''] =
      /^(([0-9a-z]{1,12})\.[\w-]{22})\.([\w-]{43})$/.exec(nonce) ?? [];
    const wanted = Buffer.from(this.#sign(body));
    const given = Buffer.from(signature);
    if (wanted.length !== given.length || !timingSafeEqual(wanted, given)) return false;
    const ageMs = this.#now() - Number.parseInt(time, 36);
    return ageMs >= 0 && ageMs < NONCE_LIFETIME_MS && !this.#used.has(nonce);
  }

  /** Only after the proof that goes with it was checked. */
  use(nonce: string): boolean {
    if (!this.isGood(nonce)) return false;
    for (const [used, endMs] of this.#used) {
      if (endMs > this.#now() && this.#used.size < USED_MOST) break;
      this.#used.delete(used);
    }
    this.#used.set(nonce, this.#now() + NONCE_LIFETIME_MS);
    return true;
  }

  #sign(body: string): string {
    return createHmac('sha256', this.#key).update(body).digest('base64url');
  }
}
