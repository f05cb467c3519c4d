import { describe, expect, test } from 'vitest';
import type { Manifest, SensorConfig } from '@bulkhead/platform/contracts';
import { AsksSchema, SensorConfigSchema } from '@bulkhead/platform/contracts';
import { BulkheadError } from '@bulkhead/platform/kernel';
import {
  busModel,
  desiredState,
  digestOf,
  plan,
  rightsDigest,
  type ActualState,
  type AvailablePackage,
  type DesiredState,
} from '@bulkhead/platform/sensord';

const LIMITS = { memoryMib: 256, cpuCores: 1, processes: 64, openFiles: 256 };

function manifest(name: string, asks: Partial<Manifest['asks']>): Manifest {
  return {
    apiVersion: 'bulkhead/1',
    name,
    version: '1.0.0',
    title: name,
    description: name,
    image: 'base',
    command: ['/usr/bin/node', '/opt/instrument/main.mjs'],
    asks: { ...AsksSchema.parse({}), ...asks },
    volume: { sizeMib: 64 },
    limits: LIMITS,
  };
}

const PACKAGES: Record<string, AvailablePackage> = Object.fromEntries(
  [
    manifest('engine', {
      capabilities: ['net_admin'],
      interfaces: [
        { name: 'in0', kind: 'capture-in', filter: 'all' },
        { name: 'out0', kind: 'capture-out', filter: 'all' },
      ],
    }),
    manifest('ids', {
      capabilities: ['net_raw'],
      interfaces: [{ name: 'mon0', kind: 'mirror', filter: { ports: [53] } }],
      publish: ['alert', 'dns'],
    }),
    manifest('names', { read: [{ from: 'ids', type: 'dns' }] }),
  ].map((value) => [
    value.name,
    {
      manifest: value,
      appDir: `/apps/${value.name}`,
      digest: value.name,
      image: { file: '/i', fingerprint: 'f' },
    },
  ]),
);

function find(name: string): AvailablePackage {
  const found = PACKAGES[name];
  if (found === undefined)
    throw new BulkheadError({ code: 'SENSORD_PACKAGE_MISSING', message: `no ${name}` });
  return found;
}

function config(change: Partial<Record<keyof SensorConfig, unknown>> = {}): SensorConfig {
  return SensorConfigSchema.parse({
    version: 1,
    sensor: { name: 'lab' },
    monitorInterfaces: [{ name: 'mon', device: 'span0' }],
    instruments: [
      {
        name: 'ids-1',
        package: 'ids',
        interfaces: { mon0: 'mon' },
        grants: { publish: ['alert', 'smb'], capabilities: ['net_raw', 'net_admin'] },
      },
      {
        name: 'engine',
        package: 'engine',
        interfaces: { in0: 'mon', out0: 'mon' },
        grants: { capabilities: ['net_admin'] },
      },
      {
        name: 'names',
        package: 'names',
        grants: {
          read: [
            { from: 'ids-1', type: 'dns' },
            { from: 'engine', type: 'dns' },
          ],
        },
      },
    ],
    ...change,
  });
}

const NOTHING: ActualState = {
  busDigest: undefined,
  monitors: new Map(),
  containers: new Map(),
  fanouts: new Map(),
};
const always = () => ({ may: true as const });

function standing(desired: DesiredState): ActualState {
  const containers = new Map(
    desired.instruments.map((i) => [
      i.name,
      { running: true, digest: i.digest, rights: rightsDigest(i), drift: [], wired: true },
    ]),
  );
  const monitors = new Map(desired.monitors.map((m) => [m.name, { device: m.device, intact: true }]));
  const half: ActualState = {
    busDigest: digestOf(busModel(desired)),
    monitors,
    containers,
    fanouts: new Map(),
  };
  const fanouts = new Map<string, string>();
  for (const step of plan(desired, half, always))
    if (step.kind === 'setFanout') fanouts.set(step.monitor, step.digest);
  return { ...half, fanouts };
}

describe('desired state', () => {
  test('a right is effective only when it was asked for and granted', () => {
    const desired = desiredState(config(), find);
    const ids = desired.instruments.find((i) => i.name === 'ids-1');
    expect(ids?.rights.publish).toEqual(['alert']);
    expect(ids?.rights.capabilities).toEqual(['net_raw']);
    const names = desired.instruments.find((i) => i.name === 'names');
    expect(names?.rights.read).toEqual([{ from: 'ids-1', type: 'dns' }]);
  });

  test('an instrument whose package is missing is a problem of its own', () => {
    const desired = desiredState(
      config({
        instruments: [
          { name: 'x', package: 'gone' },
          { name: 'engine', package: 'engine' },
        ],
      }),
      find,
    );
    expect(desired.problems.map((p) => p.instrument)).toEqual(['x']);
    expect(desired.instruments.map((i) => i.name)).toEqual(['engine']);
  });

  test('wiring to an interface that the package lacks is refused with its name', () => {
    const desired = desiredState(
      config({ instruments: [{ name: 'x', package: 'ids', interfaces: { eth9: 'mon' } }] }),
      find,
    );
    expect(desired.problems[0]?.error).toContain('SENSORD_INTERFACE_UNKNOWN');
    expect(desired.problems[0]?.error).toContain('eth9');
  });
});

describe('plan', () => {
  const desired = desiredState(config(), find);

  test('from nothing: bus, monitor, capture engine, the others, and nobody gets copies before running', () => {
    const kinds = plan(desired, NOTHING, always).map((s) => ('name' in s ? `${s.kind} ${s.name}` : s.kind));
    expect(kinds).toEqual([
      'configureBus',
      'attachMonitor mon',
      'startInstrument engine',
      'startInstrument ids-1',
      'startInstrument names',
      'setFanout',
    ]);
    const fanout = plan(desired, NOTHING, always).find((s) => s.kind === 'setFanout');
    expect(fanout).toMatchObject({ ports: [] });
  });

  test('what stands as desired is left alone', () => {
    expect(plan(desired, standing(desired), always)).toEqual([]);
  });

  test.each([
    ['stopped', { running: false }, ['startInstrument']],
    ['of an older version', { digest: 'old' }, ['removeInstrument', 'startInstrument']],
    [
      'changed behind our back',
      { drift: ['security.privileged is true'] },
      ['removeInstrument', 'startInstrument'],
    ],
    ['without its links', { wired: false }, ['stopInstrument', 'startInstrument']],
  ])('a container %s is mended and its copies are held back meanwhile', (_title, change, kinds) => {
    const actual = standing(desired);
    const containers = new Map(actual.containers);
    containers.set('ids-1', { ...containers.get('ids-1')!, ...change });
    const steps = plan(desired, { ...actual, containers }, always);
    const own = steps.filter((s) => 'name' in s && s.name === 'ids-1').map((s) => s.kind);
    expect(own).toEqual(kinds);
    expect(steps.every((s) => !('name' in s) || s.name === 'ids-1')).toBe(true);
  });

  test('an instrument that must wait is not started, the others are', () => {
    const steps = plan(desired, NOTHING, (name) =>
      name === 'ids-1' ? { may: false, reason: 'held' } : { may: true },
    );
    const started = steps.filter((s) => s.kind === 'startInstrument').map((s) => s.name);
    expect(started).toEqual(['engine', 'names']);
  });

  test('what is not in the configuration goes; what cannot be understood keeps running', () => {
    const broken = desiredState(config({ instruments: [{ name: 'ids-1', package: 'gone' }] }), find);
    const steps = plan(broken, standing(desired), always);
    const removed = steps.filter((s) => s.kind === 'removeInstrument').map((s) => s.name);
    expect(removed.sort()).toEqual(['engine', 'names']);
  });

  test('rights on the bus change the bus first, then what that instrument is told, and no container', () => {
    const before = config();
    const narrowed = desiredState(
      config({
        instruments: before.instruments.map((one) =>
          one.name === 'names' ? { ...one, grants: { read: [] } } : one,
        ),
      }),
      find,
    );
    const steps = plan(narrowed, standing(desired), always);
    expect(steps.map((s) => ('name' in s ? `${s.kind} ${s.name}` : s.kind))).toEqual([
      'configureBus',
      'updateRights names',
    ]);
    expect(narrowed.instruments.map((i) => i.digest)).toEqual(desired.instruments.map((i) => i.digest));
  });

  test('a capability is part of the container: changing it makes only that one anew', () => {
    const before = config();
    const narrowed = desiredState(
      config({
        instruments: before.instruments.map((one) =>
          one.name === 'ids-1' ? { ...one, grants: { publish: ['alert'] } } : one,
        ),
      }),
      find,
    );
    const steps = plan(narrowed, standing(desired), always).map((s) =>
      'name' in s ? `${s.kind} ${s.name}` : s.kind,
    );
    expect(steps.filter((s) => s !== 'setFanout')).toEqual([
      'removeInstrument ids-1',
      'startInstrument ids-1',
    ]);
  });

  test('after a restart of the sensor nobody remembers what an instrument was told: it is told again', () => {
    const state = standing(desired);
    const forgotten = new Map([...state.containers].map(([name, c]) => [name, { ...c, rights: undefined }]));
    const kinds = plan(desired, { ...state, containers: forgotten }, always).map((s) => s.kind);
    expect(kinds).toEqual(['updateRights', 'updateRights', 'updateRights']);
  });

  test('a monitor interface on another device is detached first, then attached', () => {
    const moved = desiredState(config({ monitorInterfaces: [{ name: 'mon', device: 'span1' }] }), find);
    const kinds = plan(moved, standing(desired), always).map((s) => s.kind);
    expect(kinds.indexOf('detachMonitor')).toBeGreaterThanOrEqual(0);
    expect(kinds.indexOf('detachMonitor')).toBeLessThan(kinds.indexOf('attachMonitor'));
  });
});
