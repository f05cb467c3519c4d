import { BulkheadError } from '@bulkhead/platform/kernel';

const MINUTE_MS = 60_000;
const PER_MINUTE = 30;

/** How often the test button works: one at a time for each channel, and few in a minute, so that it is no way to send floods. */
export class TestPace {
  readonly #running = new Set<string>();
  #recentMs: number[] = [];

  /** @throws BulkheadError FLEET_NOTIFY_TESTS_LIMITED */
  admit(channel: string, nowMs: number): void {
    this.#recentMs = this.#recentMs.filter((at) => Math.abs(nowMs - at) < MINUTE_MS);
    const isRunning = this.#running.has(channel);
    const [oldest = nowMs] = this.#recentMs;
    if (isRunning || this.#recentMs.length >= PER_MINUTE) {
      const waitMs = isRunning ? 5_000 : oldest + MINUTE_MS - nowMs;
      throw new BulkheadError({
        code: 'FLEET_NOTIFY_TESTS_LIMITED',
        message: 'A test of this channel is under way, or there were many in the last minute.',
        fields: { retryAfterS: Math.max(1, Math.ceil(waitMs / 1000)) },
      });
    }
    this.#running.add(channel);
    this.#recentMs.push(nowMs);
  }

  done(channel: string): void {
    this.#running.delete(channel);
  }
}
