import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, type Logger } from '../kernel/index.ts';

const EVERY_MS = 2_000;
/** The fleet takes messages of a quarter of a MiB. */
const MAX_BYTES = 240 << 10;

export interface StateSenderParts {
  log: Logger;
  /** What `GET /v1/status` says. */
  status: () => Promise<unknown>;
  /** Resolves when it was taken: a slow fleet gets fewer. */
  send: (statusJson: Buffer) => Promise<void>;
}

/** Tells how the sensor stands until `signal`: what changed, at most every two seconds. A fault is logged once in a row. */
export async function sendState(
  { log, status, send }: StateSenderParts,
  signal: AbortSignal,
  everyMs = EVERY_MS,
): Promise<void> {
  let last = '';
  let faulty = false;
  const over = (): boolean => signal.aborted;
  while (!over()) {
    try {
      const text = JSON.stringify(await status());
      if (Buffer.byteLength(text) > MAX_BYTES) throw new Error('the status is too large for the link');
      if (text !== last && !over()) await send(Buffer.from(text));
      last = text;
      faulty = false;
    } catch (error) {
      if (over()) return;
      if (!faulty)
        log.warn({ err: error }, `the fleet was not told how the sensor stands: ${describeError(error)}`);
      faulty = true;
    }
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
}
