/** Undoes one acquired resource. Must tolerate being called when the resource is already gone. */
export type Undo = () => Promise<void> | void;

/**
 * Collects the undo of each acquired resource, so that a failed acquisition of several leaves nothing half made.
 *
 *     await withReverter(report, async (undo) => {
 *       const link = await makeLink();  undo.add('link', () => link.remove());
 *       const mount = await mountIt();  undo.add('mount', () => mount.unmount());
 *     });
 *
 * INVARIANTS: undos run one at a time, last acquired first, each exactly once; one that throws is reported and the
 * rest still run; after `commit` nothing runs.
 */
export class Reverter {
  #undos: { what: string; undo: Undo }[] = [];
  readonly #report: (error: unknown, what: string) => void;

  constructor(report: (error: unknown, what: string) => void) {
    this.#report = report;
  }

  /** Remembers how to undo what was just acquired. */
  add(what: string, undo: Undo): void {
    this.#undos.push({ what, undo });
  }

  /** Everything is in place: forget the undos. */
  commit(): void {
    this.#undos = [];
  }

  /** Runs the undos, last first. */
  async revert(): Promise<void> {
    for (let entry = this.#undos.pop(); entry !== undefined; entry = this.#undos.pop()) {
      try {
        await entry.undo();
      } catch (error) {
        this.#report(error, entry.what);
      }
    }
  }
}

/** Runs `work` with a {@link Reverter}: commits when it returns, reverts and rethrows when it throws. */
export async function withReverter<T>(
  report: (error: unknown, what: string) => void,
  work: (undo: Reverter) => Promise<T>,
): Promise<T> {
  const undo = new Reverter(report);
  try {
    const result = await work(undo);
    undo.commit();
    return result;
  } catch (error) {
    await undo.revert();
    throw error;
  }
}
