/**
 * Runs one piece of work after the other.
 *
 * INVARIANTS: at most one is at work; the order is that of the calls; a failure concerns only its own caller.
 */
export class Exclusive {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
