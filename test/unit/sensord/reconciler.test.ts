import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openLog } from '@bulkhead/platform/kernel';
import {
  Reconciler,
  type ActualState,
  type DesiredState,
  type ReconcilerParts,
  type Step,
} from '@bulkhead/platform/sensord';

const DESIRED: DesiredState = {
  sensor: 'lab',
  monitors: [
    { name: 'a', device: 'span-a' },
    { name: 'b', device: 'span-b' },
  ],
  instruments: [],
  problems: [],
  bus: { encrypt: true, streamMib: 16 },
  detectionCheck: { enabled: true, intervalS: 60, timeoutS: 20 },
  events: { retentionDays: { default: 30, types: {} }, storeMib: 256, fieldPolicy: [] },
  metrics: {},
};

/** A world of monitor interfaces only: attaching one makes it stand, unless it is broken. */
function world(broken: ReadonlySet<string>) {
  const monitors = new Map<string, { device: string; intact: boolean }>();
  const fanouts = new Map<string, string>();
  const executed: string[] = [];
  const failed: string[] = [];
  let busDigest: string | undefined;
  let inFlight = 0;
  let most = 0;
  const execute = async (step: Step) => {
    inFlight += 1;
    most = Math.max(most, inFlight);
    await sleep(1);
    inFlight -= 1;
    executed.push('name' in step ? `${step.kind} ${step.name}` : step.kind);
    if (step.kind === 'configureBus') busDigest = step.digest;
    if (step.kind === 'setFanout') fanouts.set(step.monitor, step.digest);
    if (step.kind === 'attachMonitor') {
      if (broken.has(step.name)) throw new Error('no such device');
      monitors.set(step.name, { device: step.device, intact: true });
    }
  };
  const observe = async (): Promise<ActualState> => ({
    busDigest,
    monitors: new Map(monitors),
    containers: new Map(),
    fanouts,
  });
  const parts: ReconcilerParts = {
    log: openLog('test', 'silent'),
    desired: () => DESIRED,
    observe,
    execute,
    verdict: () => ({ may: true }),
    onStepFailed: (step) => failed.push(step.kind),
    nextWakeMs: () => undefined,
    everyMs: 60_000,
  };
  return { parts, monitors, executed, failed, most: () => most };
}

test('what fails is reported and blocks nobody else', async () => {
  const { parts, monitors, failed } = world(new Set(['a']));
  const reconciler = new Reconciler(parts);
  await reconciler.settle();
  await reconciler.stop();
  expect([...monitors.keys()]).toEqual(['b']);
  expect(failed).toContain('attachMonitor');
});

test('steps never overlap, however often it is poked, and nothing is done twice', async () => {
  const { parts, executed, most } = world(new Set());
  const reconciler = new Reconciler(parts);
  for (let i = 0; i < 50; i += 1) reconciler.poke();
  await reconciler.settle();
  await reconciler.stop();
  expect(most()).toBe(1);
  expect(new Set(executed).size).toBe(executed.filter((name) => name !== 'setFanout').length + 1);
});

test('after stop no step runs, also when poked', async () => {
  const { parts, executed } = world(new Set());
  const reconciler = new Reconciler(parts);
  await reconciler.settle();
  await reconciler.stop();
  const before = executed.length;
  reconciler.poke();
  await sleep(30);
  expect(executed.length).toBe(before);
});

test('an observation that throws ends neither the reconciler nor those who wait for it', async () => {
  const { parts, monitors } = world(new Set());
  let faults = 1;
  const observe = parts.observe;
  parts.observe = async () => {
    if (faults > 0) {
      faults -= 1;
      throw new Error('LXD is away');
    }
    return observe();
  };
  const reconciler = new Reconciler(parts);
  await reconciler.settle();
  expect(monitors.size).toBe(0);
  await reconciler.settle();
  await reconciler.stop();
  expect(monitors.size).toBe(2);
});
