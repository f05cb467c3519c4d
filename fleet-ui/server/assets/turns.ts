import { BulkheadError } from '@bulkhead/platform/kernel';

/** Of one person, with the one that is answered. */
const WAITING_MOST = 4;

/**
 * Questions that take the store a while: of each person one at a time, so that nobody holds up the others' for longer than one takes.
 *
 * INVARIANTS: at most {@link WAITING_MOST} of a person wait; nothing is remembered of who asks nothing.
 */
export class Turns {
  readonly #people = new Map<string, { waiting: number; last: Promise<void> }>();

  /** @throws BulkheadError FLEET_ASSETS_BUSY, and what `work` throws */
  async take<T>(person: string, work: () => Promise<T>): Promise<T> {
    const line = this.#people.get(person) ?? { waiting: 0, last: Promise.resolve() };
    if (line.waiting >= WAITING_MOST) {
      throw new BulkheadError({
        code: 'FLEET_ASSETS_BUSY',
        message: `${String(WAITING_MOST)} of your searches for addresses are under way.`,
      });
    }
    this.#people.set(person, line);
    line.waiting += 1;
    const mine = line.last.then(work);
    line.last = mine.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await mine;
    } finally {
      line.waiting -= 1;
      if (line.waiting === 0) this.#people.delete(person);
    }
  }
}
