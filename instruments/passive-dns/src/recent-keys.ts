import { REMEMBERED } from './rrset-writer.ts';

/** Keys of messages that were stored lately: at least {@link REMEMBERED} of them, at most twice as many. */
export class RecentKeys {
  readonly #keys = new Set<string>();

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  add(key: string): void {
    this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size < 2 * REMEMBERED) return;
    // Many at once: each look at the oldest passes over what was deleted before it.
    for (const oldest of this.#keys) {
      if (this.#keys.size <= REMEMBERED) return;
      this.#keys.delete(oldest);
    }
  }
}
