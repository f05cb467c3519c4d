import { describeError, type Logger } from '../kernel/index.ts';
import type { RuntimeRoom } from './rooms.ts';

/** What opening pages touches. */
export interface PageParts {
  log: Logger;
  pages: Pick<RuntimeRoom['pages'], 'serve' | 'close'>;
  /** Instruments whose pages are on their way, with the port: kept here, so that nobody asks twice. */
  opening: Map<string, number>;
}

/**
 * Makes web pages reachable in the background: LXD takes a second for one, and neither the start of an instrument nor a step
 * for another waits for that.
 *
 * INVARIANTS: at most one opening of a page at a time; what fails is logged, and the reconciler asks again when it looks next.
 */
export class PageOpener {
  readonly #parts: PageParts;

  constructor(parts: PageParts) {
    this.#parts = parts;
  }

  /** Returns at once. */
  open(name: string, port: number): void {
    const { opening, pages, log } = this.#parts;
    if (opening.has(name)) return;
    opening.set(name, port);
    pages
      .serve(name, port)
      .catch((error: unknown) => {
        log.warn({ err: error, instrument: name }, `its page cannot be reached: ${describeError(error)}`);
      })
      .finally(() => {
        opening.delete(name);
      });
  }
}
