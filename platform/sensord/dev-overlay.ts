import type { DesiredInstrument, DesiredState } from './desired.ts';

/**
 * Instruments that run beside the configuration: they stand in no revision, are marked as unverified, and are forgotten
 * when sensord ends.
 *
 * INVARIANTS: synchronous; an instrument of the configuration always wins over one of the same name here.
 */
export class DevOverlay {
  readonly #instruments = new Map<string, DesiredInstrument>();
  /** The last answer: `merge` is asked often and must give the same object for the same state. */
  #merged: { from: DesiredState; result: DesiredState } | undefined;

  set(instrument: DesiredInstrument): void {
    this.#instruments.set(instrument.name, { ...instrument, unverified: true });
    this.#merged = undefined;
  }

  /** @returns whether there was one. */
  delete(name: string): boolean {
    this.#merged = undefined;
    return this.#instruments.delete(name);
  }

  has(name: string): boolean {
    return this.#instruments.has(name);
  }

  get names(): string[] {
    return [...this.#instruments.keys()];
  }

  /** What the sensor should be, with these instruments. */
  merge(desired: DesiredState): DesiredState {
    if (this.#instruments.size === 0) return desired;
    if (this.#merged?.from === desired) return this.#merged.result;
    const taken = new Set([
      ...desired.instruments.map(({ name }) => name),
      ...desired.problems.map(({ instrument }) => instrument),
    ]);
    const extra = [...this.#instruments.values()].filter(({ name }) => !taken.has(name));
    const result = { ...desired, instruments: [...desired.instruments, ...extra] };
    this.#merged = { from: desired, result };
    return result;
  }
}
