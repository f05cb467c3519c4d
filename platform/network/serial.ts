/**
 * Runs tasks one after another, in the order of the calls.
 *
 * INVARIANTS: at most one task runs; a failed one does not stop the next; nothing is cancelled once queued.
 */
export class Serial {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(task, task);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
