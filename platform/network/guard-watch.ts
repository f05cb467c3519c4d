import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, type Logger } from '../kernel/index.ts';
import type { GuardState } from './inspect.ts';

/** How long a burst of kernel events may last before it is looked at, and how often it is looked at without one. */
const SETTLE_MS = 10;
const INTERVAL_MS = 2_000;

/** What the watcher needs from the network. */
export interface GuardSource {
  /** All guards that should stand. */
  states(): Promise<GuardState[]>;
  /** Takes a link down (and, before that, out of any fan-out). */
  close(state: GuardState): Promise<void>;
}

/**
 * Watches the guards until `signal` aborts: on every change of nftables or of a link, and on a timer in case an event was
 * missed. A guard that does not stand while its link is up: the link goes down, *then* `onLost` is called.
 *
 * INVARIANTS: one look at a time; events during a look cause another one; a failed look is logged and repeated; a fault is
 * reported once until it has been mended or has changed.
 */
export async function watchGuards(
  source: GuardSource,
  signal: AbortSignal,
  onLost: (state: GuardState) => void | Promise<void>,
  log: Logger,
): Promise<void> {
  const reported = new Map<string, string>();
  const events: Events = { pending: false, wake: () => undefined };
  const poke = (): void => {
    events.pending = true;
    events.wake();
  };
  const look = async (): Promise<void> => {
    for (const state of await source.states()) {
      const faults = state.faults.join('; ');
      const key = `${state.kind} ${state.device}`;
      if (faults === '') {
        reported.delete(key);
        continue;
      }
      if (state.up && state.kind === 'guard') await source.close(state); // first of all, and again if somebody raised it
      if (reported.get(key) === faults) continue;
      reported.set(key, faults);
      log.error(
        { device: state.device, faults: state.faults },
        state.kind === 'guard' ? 'guard lost' : 'fan-out lost',
      );
      await onLost(state);
    }
  };
  signal.addEventListener('abort', poke, { once: true });
  const monitors = [
    followEvents('nft', ['monitor'], signal, poke, log),
    followEvents('ip', ['monitor', 'link'], signal, poke, log),
  ];
  while (!signal.aborted) {
    events.pending = false;
    await look().catch((error: unknown) => {
      log.error({ error: describeError(error) }, 'could not look at the guards');
    });
    if (!sawEvent(events)) await nextEvent(events);
    await pause(SETTLE_MS, signal);
  }
  await Promise.all(monitors);
}

/** Calls `onEvent` for whatever the program prints; starts it again when it ends. */
async function followEvents(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  onEvent: () => void,
  log: Logger,
): Promise<void> {
  while (!signal.aborted) {
    const child: ChildProcess = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'ignore'], signal });
    child.stdout?.on('data', onEvent);
    await new Promise<void>((resolve) => {
      child.on('error', () => {
        resolve();
      });
      child.on('close', () => {
        resolve();
      });
    });
    if (isOver(signal)) return;
    log.warn({ program }, 'event source ended; starting it again');
    onEvent();
    await pause(1_000, signal);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined); // ends early when the watch ends
}

interface Events {
  pending: boolean;
  wake: () => void;
}

/** Ends at the next event, at the latest after the interval. */
async function nextEvent(events: Events): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, INTERVAL_MS);
    events.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  events.wake = () => undefined;
}

/* Read anew after an await, which the type checker does not see. */
function sawEvent(events: Events): boolean {
  return events.pending;
}
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}
