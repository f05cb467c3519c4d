import { setTimeout as sleep } from 'node:timers/promises';
import { BulkheadError } from './errors.ts';

/**
 * Asks `probe` until it gives something other than undefined or false.
 * @throws BulkheadError KERNEL_WAIT_TIMEOUT after `timeoutMs`, naming `what`.
 */
export async function waitFor<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  options: { intervalMs?: number; signal?: AbortSignal } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const result = await probe();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > deadline) {
      throw new BulkheadError({
        code: 'KERNEL_WAIT_TIMEOUT',
        message: `Waited ${String(Math.round(timeoutMs / 1000))} s for ${what}; it did not happen.`,
        fields: { what, timeoutMs },
      });
    }
    await sleep(
      options.intervalMs ?? 50,
      undefined,
      options.signal === undefined ? {} : { signal: options.signal },
    );
  }
}
