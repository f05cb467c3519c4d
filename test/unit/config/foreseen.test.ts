import { describe, expect, test } from 'vitest';
import { AsksSchema, GrantsSchema, SensorConfigSchema } from '@bulkhead/platform/contracts';
import {
  busModel,
  configDifferences,
  desiredState,
  digestOf,
  foreseenChange,
  rightsDigest,
  settled,
  type ActualState,
  type DesiredState,
  type SettleView,
} from '@bulkhead/platform/sensord';

type DesiredInstrument = DesiredState['instruments'][number];

function instrument(
  name: string,
  digest: string,
  kind: 'mirror' | 'capture-out' | undefined,
): DesiredInstrument {
  return {
    name,
    packageName: name,
    enabled: true,
    manifest: {
      apiVersion: 'bulkhead/1',
      name,
      version: '1.0.0',
      title: name,
      description: name,
      image: 'base',
      command: ['/bin/true'],
      asks: AsksSchema.parse({}),
      volume: { sizeMib: 64 },
      limits: { memoryMib: 256, cpuCores: 1, processes: 64, openFiles: 256 },
    },
    appDir: '/apps',
    image: { file: '/i', fingerprint: 'f' },
    ports: kind === undefined ? [] : [{ name: 'p0', kind, monitor: 'mon', filter: 'all' }],
    active: [],
    rights: { ...GrantsSchema.parse({}), accept: [] },
    limits: { memoryMib: 256, cpuCores: 1, processes: 64, openFiles: 256 },
    volumeMib: 64,
    options: {},
    resources: {},
    digest,
  };
}

const EMPTY = desiredState(
  SensorConfigSchema.parse({
    version: 1,
    sensor: { name: 'lab' },
    monitorInterfaces: [{ name: 'mon', device: 'span0' }],
  }),
  () => {
    throw new Error('no package is asked for');
  },
);

function desired(...instruments: DesiredInstrument[]): DesiredState {
  return { ...EMPTY, instruments };
}

/** Everything of a desired state stands and runs. */
function standing(state: DesiredState): ActualState {
  return {
    busDigest: digestOf(busModel(state)),
    monitors: new Map([['mon', { device: 'span0', intact: true }]]),
    containers: new Map(
      state.instruments.map((one) => [
        one.name,
        { running: true, digest: one.digest, rights: rightsDigest(one), drift: [], wired: true },
      ]),
    ),
    fanouts: new Map([
      [
        'mon',
        digestOf(
          state.instruments
            .filter(({ ports }) => ports.some(({ kind }) => kind === 'mirror'))
            .map(({ name }) => ({ instrument: name, port: 'p0', filter: 'all' })),
        ),
      ],
    ]),
  };
}

const engine = instrument('engine', 'e1', 'capture-out');
const ids = instrument('ids', 'i1', 'mirror');
const names = instrument('names', 'n1', undefined);

describe('what a change would do, in words', () => {
  test('nothing, when everything is as it should be', () => {
    const state = desired(engine, ids, names);
    expect(foreseenChange(state, standing(state))).toEqual({ steps: [], interruptions: [] });
  });

  test('a new instrument interrupts nobody, and its copies are foreseen too', () => {
    const { steps, interruptions } = foreseenChange(desired(engine, ids), standing(desired(engine)));
    expect(steps.join('\n')).toContain('start ids: it is not there yet');
    expect(steps.join('\n')).toContain('send copies of mon to ids/p0');
    expect(interruptions).toEqual([]);
  });

  test.each([
    [engine, 'nobody sees the traffic of mon for some seconds'],
    [ids, 'it is blind for some seconds'],
    [names, 'events wait for it'],
  ])('a changed instrument is restarted, and it is said what that costs', (which, text) => {
    const all = [engine, ids, names];
    const next = desired(...all.map((one) => (one === which ? { ...one, digest: 'new' } : one)));
    const { interruptions } = foreseenChange(next, standing(desired(...all)));
    expect(interruptions).toHaveLength(1);
    expect(interruptions[0]).toContain(`${which.name} is restarted`);
    expect(interruptions[0]).toContain(text);
  });

  test('an instrument that leaves, and one that is disabled', () => {
    const off = { ...names, enabled: false };
    const { interruptions } = foreseenChange(desired(engine, off), standing(desired(engine, ids, names)));
    expect(interruptions.sort()).toEqual(['ids ends; its volume stays, locked', 'names is stopped']);
  });
});

describe('whether a change has settled', () => {
  const view = (change: Partial<SettleView>): SettleView => ({
    containers: [
      {
        name: 'ids',
        status: 'running',
        pid: 7,
        idmapBase: 1,
        labels: { digest: 'i1' },
        drift: [],
        busProxy: true,
      },
    ],
    health: () => ({ state: 'ok', counters: {} }),
    standing: () => ({ state: 'free', failures: 0 }),
    served: () => true,
    failing: () => new Map(),
    ...change,
  });
  const expected = [{ instrument: ids, health: 'ok' as const }];

  test('when everybody who should be is well', () => {
    expect(settled(expected, view({}), new Set())).toEqual({ state: 'settled' });
  });

  test.each([
    ['does not run', { containers: [] }],
    ['gets no copies', { served: () => false }],
    ['is starting', { health: () => ({ state: 'starting' as const, counters: {} }) }],
    ['is degraded', { health: () => ({ state: 'degraded' as const, counters: {} }) }],
  ])('not yet, when it %s', (text, change) => {
    const now = settled(expected, view(change), new Set());
    expect(now.state).toBe('waiting');
    expect(JSON.stringify(now)).toContain(text);
  });

  test('failed, when a step fails that did not fail before, or an instrument falls over', () => {
    const failing = () => new Map([['bus', 'failed to bring the bus']]);
    expect(settled(expected, view({ failing }), new Set())).toMatchObject({ state: 'failed' });
    expect(settled(expected, view({ failing }), new Set(['bus']))).toEqual({ state: 'settled' });
    const held = () => ({ state: 'held' as const, failures: 6, reason: 'it ended by itself' });
    expect(settled(expected, view({ standing: held }), new Set())).toMatchObject({ state: 'failed' });
  });

  test('a new instrument may say that it is degraded', () => {
    const degraded = view({ health: () => ({ state: 'degraded', counters: {} }) });
    expect(settled([{ instrument: ids, health: 'up' }], degraded, new Set())).toEqual({ state: 'settled' });
  });
});

describe('differences between two documents', () => {
  test('named things are compared by name, wherever they stand in their list', () => {
    const before = { list: [{ name: 'a', x: 1 }, { name: 'b' }], 'odd/key': 1 };
    const after = { list: [{ name: 'c' }, { name: 'a', x: 2 }], 'odd/key': 1 };
    expect(configDifferences(before, after)).toEqual([
      { pointer: '/list/a/x', before: 1, after: 2 },
      { pointer: '/list/b', before: { name: 'b' } },
      { pointer: '/list/c', after: { name: 'c' } },
    ]);
  });

  test('lists of plain values are one value; nothing differs from itself', () => {
    expect(configDifferences({ l: [1, 2] }, { l: [1, 3] })).toEqual([
      { pointer: '/l', before: [1, 2], after: [1, 3] },
    ]);
    expect(configDifferences({ l: [] }, { l: [{ name: 'a' }] })).toEqual([
      { pointer: '/l/a', after: { name: 'a' } },
    ]);
    const same = { a: [{ name: 'x', b: { c: null } }] };
    expect(configDifferences(same, structuredClone(same))).toEqual([]);
  });
});
