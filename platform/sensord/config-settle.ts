import type { DesiredInstrument, DesiredState } from './desired.ts';
import type { Health } from './health-poller.ts';
import type { ContainerState } from './rooms.ts';
import { DIGEST_LABEL } from './start-instrument.ts';
import type { Standing } from './supervisor.ts';

/** The running sensor as a change is watched on it. */
export interface SettleView {
  readonly containers: readonly ContainerState[];
  health: (instrument: string) => Health;
  standing: (instrument: string) => Standing;
  /** Every mirror port of it gets copies. */
  served: (instrument: DesiredInstrument) => boolean;
  /** Subjects whose last step failed, with the reason. */
  failing: () => ReadonlyMap<string, string>;
}

/** What has to be true before a change counts as done. */
export interface Expectation {
  instrument: DesiredInstrument;
  /** `ok`: it was healthy before. `up`: it is new, and may report itself degraded. */
  health: 'ok' | 'up';
}

export type Settled =
  | { state: 'settled' }
  /** What is still missing, in words. */
  | { state: 'waiting'; missing: string[] }
  | { state: 'failed'; reason: string };

/** Instruments that a change takes down, makes anew or starts. */
export function touched(before: DesiredState, next: DesiredState): DesiredInstrument[] {
  return next.instruments.filter((instrument) => {
    const known = before.instruments.find(({ name }) => name === instrument.name);
    return known?.enabled !== instrument.enabled || known.digest !== instrument.digest;
  });
}

/**
 * Who must be healthy when the change is done: who was healthy before and is still wanted, and who is new. One that was
 * in trouble before is not expected to get well: else no change could be made while something is broken.
 */
export function expectations(before: DesiredState, next: DesiredState, view: SettleView): Expectation[] {
  return next.instruments.flatMap((instrument): Expectation[] => {
    if (!instrument.enabled) return [];
    const known = before.instruments.find(({ name }) => name === instrument.name);
    if (known?.enabled !== true) return [{ instrument, health: 'up' }];
    return isHealthy(known, view) ? [{ instrument, health: 'ok' }] : [];
  });
}

/** How far a change has got. Pure. @param failingBefore subjects that failed before the change and are not its fault. */
export function settled(
  expected: readonly Expectation[],
  view: SettleView,
  failingBefore: ReadonlySet<string>,
): Settled {
  const failed = [...view.failing()].find(([subject]) => !failingBefore.has(subject));
  if (failed !== undefined) return { state: 'failed', reason: failed[1] };
  const missing: string[] = [];
  for (const { instrument, health } of expected) {
    const { name } = instrument;
    const standing = view.standing(name);
    if (standing.state !== 'free') return { state: 'failed', reason: `${name} failed: ${standing.reason}` };
    const said = view.health(name);
    if (said.state === 'failed') {
      return {
        state: 'failed',
        reason: `${name} says that it failed${said.detail === undefined ? '' : `: ${said.detail}`}`,
      };
    }
    if (!isRunning(instrument, view)) missing.push(`${name} does not run yet`);
    else if (!view.served(instrument)) missing.push(`${name} gets no copies yet`);
    else if (said.state !== 'ok' && !(health === 'up' && said.state === 'degraded')) {
      missing.push(`${name} is ${said.state}${said.detail === undefined ? '' : `: ${said.detail}`}`);
    }
  }
  return missing.length === 0 ? { state: 'settled' } : { state: 'waiting', missing };
}

function isHealthy(instrument: DesiredInstrument, view: SettleView): boolean {
  return (
    view.health(instrument.name).state === 'ok' && isRunning(instrument, view) && view.served(instrument)
  );
}

function isRunning(instrument: DesiredInstrument, view: SettleView): boolean {
  return view.containers.some(
    ({ name, status, labels }) =>
      name === instrument.name && status === 'running' && labels[DIGEST_LABEL] === instrument.digest,
  );
}
