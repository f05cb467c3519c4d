import type { Health, Instrument } from '@bulkhead/sdk';
import { z } from 'zod';
import { FeedObserver } from './feed-observer.ts';
import { Forwarder } from './forwarder.ts';
import { findPairs } from './pairs.ts';

/** How often the rules are compared with what must stand, in milliseconds. */
const WATCH_MS = 2_000;
/** So often the sets of observed traffic are read while a conversation is remembered. */
const LOOKS_PER_WINDOW = 3;
/** A repair is reported for this long. */
const RECENT_MS = 120_000;

const OptionsSchema = z.strictObject({
  /** Conversations are told by what was seen in the last so many seconds. */
  feedWindowS: z.int().min(3).max(600).default(30),
});

/**
 * The capture engine: sets the forwarding up, watches and repairs it, counts. Frames are forwarded by the kernel: they go on
 * when this program dies, and it reads none of them.
 */
export async function runCaptureEngine(instrument: Instrument): Promise<void> {
  const { log, stopping } = instrument;
  const forwarder = new Forwarder(findPairs(instrument.file.interfaces));
  const { feedWindowS } = instrument.options(OptionsSchema);
  const observer = new FeedObserver(
    forwarder.pairs.map(({ input }) => input),
    feedWindowS,
  );
  instrument.handle('feed', () => ({ reports: observer.reports, fault: observer.fault }));
  let failed: string | undefined;
  let repairedAt = -Infinity;
  instrument.health(async (): Promise<Health> => {
    if (failed !== undefined) return { state: 'failed', detail: failed, counters: forwarder.counters };
    if (!forwarder.installed) return { state: 'starting', detail: 'The forwarding is being set up.' };
    const faults = await forwarder.look();
    const { counters } = forwarder;
    if (faults.length > 0) {
      return { state: 'failed', detail: `The forwarding does not stand: ${faults.join('; ')}.`, counters };
    }
    if (performance.now() - repairedAt < RECENT_MS) {
      return {
        state: 'degraded',
        detail: 'The forwarding rules were lost and have been put back.',
        counters,
      };
    }
    return { state: 'ok', counters };
  });
  try {
    await forwarder.install();
    log.info('forwarding stands', {
      pairs: forwarder.pairs.map((pair) => `${pair.input} to ${pair.output}`),
    });
  } catch (error) {
    failed = describe(error);
    log.error('the forwarding cannot be set up', { reason: failed });
  }
  const watch = setInterval(() => {
    void forwarder
      .repair()
      .then((faults) => {
        failed = undefined;
        if (faults.length === 0) return;
        repairedAt = performance.now();
        log.warn('the forwarding was repaired', { faults });
      })
      .catch((error: unknown) => {
        const reason = describe(error);
        if (reason !== failed) log.error('the forwarding cannot be repaired', { reason });
        failed = reason;
      });
  }, WATCH_MS);
  void observer.look();
  const observe = setInterval(() => void observer.look(), (feedWindowS * 1000) / LOOKS_PER_WINDOW);
  await new Promise<void>((resolve) => {
    if (stopping.aborted) resolve();
    else
      stopping.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
  });
  clearInterval(watch);
  clearInterval(observe);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
