import type { Identity } from './identity.ts';

/** What an answer that is still being sent can do. */
interface Answer {
  once(event: 'close', listener: () => void): unknown;
  destroy(): unknown;
}

/**
 * Answers that go on for long (live events, exports) end with the session, token or role that they were asked for with. Only
 * reading is kept here: the change that ends its own session is answered.
 */
export class OpenRequests {
  readonly #open = new Map<Answer, Identity>();

  keep(answer: Answer, identity: Identity): void {
    this.#open.set(answer, identity);
    answer.once('close', () => this.#open.delete(answer));
  }

  /** To be called after changes, and now and then, as time ends sessions too. */
  end(): void {
    for (const [answer, identity] of this.#open) {
      if (identity.isAlive()) continue;
      this.#open.delete(answer);
      answer.destroy();
    }
  }
}
