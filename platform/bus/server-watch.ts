import { backoffMs, describeError, type Logger } from '../kernel/index.ts';

const RESTART = { firstMs: 200, maxMs: 10_000, holdAfter: Number.POSITIVE_INFINITY, healthyAfterMs: 60_000 };
const WATCH_MS = 500;

/** What the watch looks at and may do. */
export interface ServerWatchOptions {
  log: Logger;
  /** The server should run and does not. */
  gone: () => Promise<boolean>;
  restart: () => Promise<void>;
  /** Runs work while nobody else changes the server. */
  exclusive: (work: () => Promise<void>) => Promise<void>;
  onDown: (reason: string) => void;
  onUp: () => void;
}

/**
 * Starts a dead server again, at once the first time, then ever later.
 *
 * INVARIANTS: looks only inside `exclusive`, so never while somebody changes the server on purpose.
 */
export class ServerWatch {
  readonly #options: ServerWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #startedAt = 0;

  constructor(options: ServerWatchOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#timer ??= setInterval(() => void this.#options.exclusive(() => this.#look()), WATCH_MS).unref();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  /** To be told when the server was started. */
  started(): void {
    this.#startedAt = performance.now();
  }

  async #look(): Promise<void> {
    const { log, gone, restart, onDown, onUp } = this.#options;
    if (!(await gone())) return;
    if (performance.now() - this.#startedAt > RESTART.healthyAfterMs) this.#failures = 0;
    if (this.#failures > 0 && performance.now() - this.#startedAt < backoffMs(RESTART, this.#failures))
      return;
    if (this.#failures === 0) onDown('the process of nats-server is gone');
    this.#failures += 1;
    this.#startedAt = performance.now();
    try {
      await restart();
      this.#failures = 0;
      log.warn('nats-server was gone and runs again');
      onUp();
    } catch (error) {
      log.error(
        { reason: describeError(error), failures: this.#failures },
        'nats-server cannot be restarted',
      );
    }
  }
}
