/**
 * Which instruments run, so that one that then stands still is known to have ended by itself.
 *
 * INVARIANTS: one look at a time. An instrument that the sensor stops outside the reconciler does not end by itself: that it is
 * seen running counts again with the first look that began after the stop.
 */
export class Alive {
  readonly #names = new Set<string>();
  readonly #stops = new Map<string, { over: boolean }>();

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** It was started. */
  add(name: string): void {
    this.#names.add(name);
  }

  /** It was stopped, or is given up. @returns whether it was running */
  delete(name: string): boolean {
    return this.#names.delete(name);
  }

  /** Does what stops it; it takes seconds, in which the reconciler looks at the machine. */
  async stopping(name: string, stop: () => Promise<void>): Promise<void> {
    const mine = { over: false };
    this.#names.delete(name);
    this.#stops.set(name, mine);
    try {
      await stop();
    } finally {
      mine.over = true;
    }
  }

  /** A look at the machine begins. @returns what ends it, after `seen` */
  look(): () => void {
    const over = [...this.#stops].filter(([, stop]) => stop.over);
    return () => {
      for (const [name, stop] of over) if (this.#stops.get(name) === stop) this.#stops.delete(name);
    };
  }

  /** It was seen running. */
  seen(name: string): void {
    if (!this.#stops.has(name)) this.#names.add(name);
  }
}
