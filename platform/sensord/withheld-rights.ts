import type { DesiredState } from './desired.ts';
import type { Rights } from './rights.ts';

/**
 * Rights that are being taken away and that the configuration still gives: a revision takes its turn and its time, a revocation
 * must not.
 *
 * INVARIANTS: synchronous; only narrows; `narrow` gives the same object for the same state until something is added or ended.
 */
export class WithheldRights {
  readonly #withheld = new Set<{ instrument: string; narrow: (rights: Rights) => Rights }>();
  #last: { from: DesiredState; result: DesiredState } | undefined;

  /** @returns what ends it. */
  add(instrument: string, narrow: (rights: Rights) => Rights): () => void {
    const one = { instrument, narrow };
    this.#withheld.add(one);
    this.#last = undefined;
    return () => {
      this.#withheld.delete(one);
      this.#last = undefined;
    };
  }

  narrow(desired: DesiredState): DesiredState {
    if (this.#withheld.size === 0) return desired;
    if (this.#last?.from === desired) return this.#last.result;
    const instruments = desired.instruments.map((instrument) =>
      [...this.#withheld]
        .filter((one) => one.instrument === instrument.name)
        .reduce((narrowed, { narrow }) => ({ ...narrowed, rights: narrow(narrowed.rights) }), instrument),
    );
    this.#last = { from: desired, result: { ...desired, instruments } };
    return this.#last.result;
  }
}
