/** Since the start. `bytes` were received of files. */
export type CounterName = 'delivered' | 'unchanged' | 'failed' | 'bytes';

/** What happened, in numbers. */
export class Counters {
  readonly #values: Record<CounterName, number> = { delivered: 0, unchanged: 0, failed: 0, bytes: 0 };

  add(name: CounterName, by = 1): void {
    this.#values[name] += by;
  }

  get values(): Readonly<Record<CounterName, number>> {
    return this.#values;
  }
}
