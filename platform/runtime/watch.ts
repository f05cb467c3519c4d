import { setTimeout as sleep } from 'node:timers/promises';
import type { LxdClient, LxdEvent } from '@bulkhead/node-lxd';
import { backoffMs, describeError, type BackoffPolicy, type Logger } from '../kernel/index.ts';
import type { RuntimeEvent } from './types.ts';

/** Only the delays are used: the watch never gives up. */
const RECONNECT: BackoffPolicy = { firstMs: 250, maxMs: 5_000, holdAfter: Infinity, healthyAfterMs: 10_000 };

const KINDS: Readonly<Record<string, RuntimeEvent['kind']>> = {
  'instance-created': 'created',
  'instance-started': 'started',
  'instance-restarted': 'started',
  'instance-resumed': 'started',
  'instance-shutdown': 'stopped',
  'instance-stopped': 'stopped',
  'instance-updated': 'changed',
  'instance-renamed': 'changed',
  'instance-deleted': 'removed',
};

/**
 * Follows the daemon's lifecycle events until `signal` aborts; opens the stream again when it breaks.
 *
 * INVARIANTS: the listener is called from one place, in the daemon's order; after each (re)opening it gets `listening`
 * before any event, so whoever then looks at the state misses nothing; its exceptions end nothing.
 * @returns a promise that resolves when the stream is open for the first time, or the first try failed.
 */
export async function watchEvents(
  lxd: LxdClient,
  log: Logger,
  listener: (event: RuntimeEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const tell = (event: RuntimeEvent): void => {
    try {
      listener(event);
    } catch (error) {
      log.error({ err: error }, 'a listener to LXD events failed');
    }
  };
  await new Promise<void>((resolve) => {
    void follow(lxd, log, tell, signal, resolve).finally(resolve);
  });
}

async function follow(
  lxd: LxdClient,
  log: Logger,
  tell: (event: RuntimeEvent) => void,
  signal: AbortSignal,
  tried: () => void,
): Promise<void> {
  let failures = 0;
  const ended = (): boolean => signal.aborted;
  while (!ended()) {
    try {
      const stream = await lxd.events({
        types: ['lifecycle'],
        signal,
        onEvent: (event) => {
          const known = runtimeEvent(event);
          if (known !== undefined) tell(known);
        },
      });
      failures = 0;
      tell({ kind: 'listening', action: 'listening' });
      tried();
      await stream.closed;
    } catch (error) {
      if (ended()) return;
      failures += 1;
      if (failures === 1) {
        log.warn({ err: error }, 'the stream of LXD events broke');
        tell({ kind: 'lost', action: describeError(error) });
      }
      tried();
      await sleep(backoffMs(RECONNECT, failures), undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Our form of a lifecycle event; undefined for what is not about an instance. Pure. */
export function runtimeEvent(event: LxdEvent): RuntimeEvent | undefined {
  if (event.type !== 'lifecycle') return undefined;
  const { action, source } = event.metadata;
  const name = /^\/1\.0\/(?:instances|containers)\/([^/?]+)/.exec(source)?.[1];
  if (name === undefined) return undefined;
  return { kind: KINDS[action] ?? 'other', name: decodeURIComponent(name), action };
}
