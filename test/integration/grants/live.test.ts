import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instrument } from '@bulkhead/sdk';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { AsksSchema, type Manifest } from '@bulkhead/platform/contracts';
import { openLog, waitFor } from '@bulkhead/platform/kernel';
import {
  busModel as modelOf,
  ConfigChanges,
  Configuration,
  execute,
  executors,
  GrantChanges,
  plan,
  RevisionStore,
  RightsNotices,
  type ExecutorParts,
} from '@bulkhead/platform/sensord';
import { connectAsInstrument } from '../../support/nats-clients.ts';
import { openBusBench, type BusBench } from '../../support/nats.ts';

const MANIFESTS = [
  manifest('ids', { publish: ['alert', 'dns'], accept: ['ruleset.apply'] }),
  manifest('reader', {
    publish: ['note', 'remark'],
    read: [
      { from: 'ids', type: 'alert' },
      { from: 'ids', type: 'dns' },
    ],
    send: [{ to: 'ids', command: 'ruleset.apply' }],
  }),
  manifest('other', { read: [{ from: 'ids', type: 'alert' }] }),
];

const CONFIG = {
  version: 1,
  sensor: { name: 'lab' },
  instruments: [
    { name: 'ids', package: 'ids', grants: { publish: ['alert', 'dns'] } },
    {
      name: 'reader',
      package: 'reader',
      grants: {
        publish: ['note'],
        read: [{ from: 'ids', type: 'alert' }],
        send: [{ to: 'ids', command: 'ruleset.apply' }],
      },
    },
    { name: 'other', package: 'other', grants: { read: [{ from: 'ids', type: 'alert' }] } },
  ],
};

/** Everything between an operator's word and the bus, without the containers: those are in e2e/grants. */
interface World {
  bench: BusBench;
  configuration: Configuration;
  changes: ConfigChanges;
  grants: GrantChanges;
  /** What an instrument says of itself; `ok` unless set. */
  health: Map<string, 'ok' | 'failed'>;
  open: (name: string) => Promise<Instrument>;
}

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(async () => {
  await world.bench.dispose();
});

test('what is given works at once, and nobody is reconnected for it', async () => {
  const reader = await world.open('reader');
  const neighbour = await connectAsInstrument(world.bench, 'other');
  await expect(reader.publish('remark', { n: 0 })).rejects.toMatchObject({ code: 'BUS_NOT_PERMITTED' });
  const result = await world.grants.give(change('reader', ['publish:remark', 'publish:note']));
  expect(result).toMatchObject({
    changed: true,
    revision: 2,
    rights: ['publish:remark'],
    unchanged: ['publish:note'],
    effect: { state: 'now' },
  });
  await reader.publish('remark', { n: 1 });
  expect(reader.counters()).toMatchObject({ stored: 1, resent: 0 });
  expect(neighbour.isClosed()).toBe(false);
  // Once more is nothing more.
  expect(await world.grants.give(change('reader', ['publish:remark']))).toMatchObject({
    changed: false,
    revision: 2,
  });
  await neighbour.close();
});

test('what is taken is refused within a second: publish, message, and a pull that is outstanding', async () => {
  const ids = await world.open('ids');
  ids.handle('ruleset.apply', () => 'applied');
  const reader = await world.open('reader');
  const neighbour = await world.open('other');
  const got = { reader: 0, other: 0 };
  const reading = reader.subscribe('ids', 'alert', () => void (got.reader += 1));
  neighbour.subscribe('ids', 'alert', () => void (got.other += 1));
  await ids.publish('alert', { n: 0 });
  await waitFor('both to read', 10_000, () => got.reader === 1 && got.other === 1);
  await reader.publish('note', { n: 0 });
  expect(await reader.send('ids', 'ruleset.apply', {})).toBe('applied');

  const raw = await connectAsInstrument(world.bench, 'reader');
  const refusals: string[] = [];
  const watching = (async () => {
    for await (const status of raw.status()) if (status.type === 'error') refusals.push(String(status.error));
  })();
  const started = performance.now();
  const result = await world.grants.revoke(change('reader', 'all'));
  raw.publish('event.reader.note', '{}');
  raw.publish('message.ids.reader.ruleset.apply', '{}');
  await raw.flush();
  await waitFor('both refusals', 5_000, () => refusals.length === 2);
  expect(performance.now() - started).toBeGreaterThanOrEqual(result.endedAfterMs ?? Infinity);
  expect(result.endedAfterMs).toBeLessThan(1_000);
  expect(result.rights.sort()).toEqual(['publish:note', 'read:ids/alert', 'send:ids/ruleset.apply']);

  await ids.publish('alert', { n: 1 });
  await waitFor('the neighbour', 10_000, () => got.other === 2);
  expect((await reading.ended)?.code).toBe('BUS_READ_REVOKED');
  expect(got.reader).toBe(1);
  // The sdk knows it too, so that the author of an instrument gets a reason.
  await waitFor('the notice', 5_000, () => reader.file.publish.length === 0);
  await expect(reader.publish('note', { n: 1 })).rejects.toMatchObject({ code: 'BUS_NOT_PERMITTED' });
  await expect(reader.send('ids', 'ruleset.apply', {})).rejects.toMatchObject({ code: 'BUS_NOT_PERMITTED' });
  for (const one of [ids, reader, neighbour]) expect(one.counters().resent).toBe(0);
  await raw.close();
  await watching;
});

test('a change that is being watched holds no revocation up, and its failure gives nothing back', async () => {
  const reader = await world.open('reader');
  await reader.publish('note', { n: 0 });
  const document = parse(world.configuration.inUse.document) as typeof CONFIG;
  const touched = document.instruments.map((one) =>
    one.name === 'ids' ? { ...one, options: { other: true } } : one,
  );
  // Nobody makes the container anew here, so it never gets healthy.
  const slow = world.changes.apply({
    document: stringify({ ...document, instruments: touched }),
    author: 'ada',
    reason: 'slow',
    origin: 'apply',
    timeoutMs: 60_000,
  });
  const rolledBack = expect(slow).rejects.toMatchObject({ code: 'SENSORD_CONFIG_ROLLED_BACK' });
  await waitFor('the slow change to be tried', 5_000, () => world.configuration.state.trying !== undefined);
  const revoked = world.grants.revoke(change('reader', ['publish:note']));
  await waitFor('the bus to refuse', 10_000, async () => {
    const raw = await connectAsInstrument(world.bench, 'reader');
    try {
      return (
        (await raw.request('event.reader.note', '{}', { timeout: 300 }).catch(() => undefined)) === undefined
      );
    } finally {
      await raw.close();
    }
  });
  expect(world.configuration.state.trying).toBeDefined();
  world.health.set('ids', 'failed');
  await rolledBack;
  const result = await revoked;
  expect(result).toMatchObject({ changed: true, revision: 3 });
  expect(result.endedAfterMs).toBeLessThan(1_000);
  expect(
    world.configuration.desired.instruments.find(({ name }) => name === 'reader')?.rights.publish,
  ).toEqual([]);
});

test('an instrument that says that it failed does not get back what was taken', async () => {
  await world.open('reader');
  world.health.set('reader', 'failed');
  const result = await world.grants.revoke({
    ...change('reader', ['publish:note']),
    author: 'ada',
    reason: 'it spoke too much',
  });
  expect(result).toMatchObject({ changed: true, revision: 2 });
  expect(world.configuration.revisions.current).toMatchObject({
    number: 2,
    author: 'ada',
    reason: 'it spoke too much',
  });
});

test('a new right to read is used after a restart, or at once by who is prepared', async () => {
  const unprepared = await world.open('reader');
  const first = await world.grants.give(change('reader', ['read:ids/dns']));
  expect(first.effect.state).toBe('restart');
  await unprepared.close();
  await world.grants.revoke(change('reader', ['read:ids/dns']));

  const ids = await world.open('ids');
  const prepared = await world.open('reader');
  const got: unknown[] = [];
  prepared.onRights(({ given }) => {
    for (const { from, type } of given.read)
      prepared.subscribe(from, type, ({ record }) => void got.push(record));
    return undefined;
  });
  const second = await world.grants.give(change('reader', ['read:ids/dns']));
  expect(second.effect).toEqual({ state: 'now' });
  await ids.publish('dns', { rrname: 'lab.example' });
  await waitFor('the event', 10_000, () => got.length === 1);
});

test('what is not asked for is refused, with what is asked for; so are strangers', async () => {
  await expect(world.grants.give(change('reader', ['publish:alert']))).rejects.toMatchObject({
    code: 'SENSORD_RIGHT_NOT_ASKED',
    hint: expect.stringContaining('publish:note') as string,
  });
  await expect(world.grants.give(change('nobody', ['publish:alert']))).rejects.toMatchObject({
    code: 'SENSORD_INSTRUMENT_UNKNOWN',
  });
  await expect(world.grants.revoke(change('reader', ['publish:']))).rejects.toMatchObject({
    code: 'SENSORD_RIGHT_INVALID',
  });
  expect(await world.grants.revoke(change('reader', ['publish:remark']))).toMatchObject({ changed: false });
  expect(world.configuration.revisions.list()).toHaveLength(1);
});

test('many who give and take at once all get their turn', async () => {
  const rights = ['publish:note', 'publish:remark', 'read:ids/dns'];
  await world.grants.revoke(change('reader', 'all'));
  const results = await Promise.all(rights.map((right) => world.grants.give(change('reader', [right]))));
  expect(results.map(({ changed }) => changed)).toEqual([true, true, true]);
  const { rights: now } = world.configuration.desired.instruments.find(({ name }) => name === 'reader') ?? {};
  expect(now?.publish).toEqual(['note', 'remark']);
  expect(now?.read).toEqual([{ from: 'ids', type: 'dns' }]);
});

function change(instrument: string, rights: string[] | 'all') {
  return { instrument, rights, author: 'test', reason: '' };
}

async function openWorld(): Promise<World> {
  const bench = await openBusBench('gr1');
  const log = openLog('grants', 'silent');
  const file = join(bench.site.stateDir, '..', 'sensor.yaml');
  await writeFile(file, stringify(CONFIG));
  const library = new Map(MANIFESTS.map((one) => [one.name, packageOf(one)]));
  const revisions = await RevisionStore.open(join(bench.site.stateDir, '..', 'config'), log);
  const configuration = new Configuration(file, () => Promise.resolve(library), revisions);
  await configuration.load();

  const health: World['health'] = new Map();
  const notices = new RightsNotices({ log, bus: bench.bus });
  const applied = {
    busDigest: undefined as string | undefined,
    fanouts: new Map(),
    rights: new Map<string, string>(),
    openingPages: new Map(),
  };
  const made = new Map(configuration.desired.instruments.map(({ name, digest }) => [name, digest]));
  const parts = {
    site: bench.site,
    log,
    bus: bench.bus,
    applied,
    notices,
    desired: () => configuration.desired,
  } as unknown as ExecutorParts;
  const steps = executors(parts);
  const settle = async () => {
    const containers = [...made].map(([name, digest]) => {
      const rights = applied.rights.get(name);
      return [name, { running: true, wired: true, digest, rights, drift: [] }] as const;
    });
    const actual = {
      busDigest: applied.busDigest,
      monitors: new Map(),
      containers: new Map(containers),
      fanouts: new Map(),
    };
    for (const step of plan(configuration.desired, actual, () => ({ may: false, reason: 'no containers' })))
      if (step.kind === 'configureBus' || step.kind === 'updateRights') await execute(steps, step);
  };
  await settle();
  const containers = [...made].map(([name, digest]) => ({
    name,
    status: 'running' as const,
    labels: { digest },
    pid: 1,
    idmapBase: 0,
    drift: [],
    busProxy: true,
  }));
  const changes = new ConfigChanges({
    log,
    configuration,
    checkDevice: () => Promise.resolve({ ok: true }),
    publish: () => undefined,
    onChanged: () => undefined,
    target: {
      settle,
      containers,
      release: () => undefined,
      foresee: () => Promise.reject(new Error('nobody asks')),
      health: (name) => ({ state: health.get(name) ?? 'ok', counters: {} }),
      standing: () => ({ state: 'free', failures: 0 }),
      served: () => true,
      failing: () => new Map(),
    },
  });
  const sensor = {
    containers,
    notices,
    get desired() {
      return configuration.desired;
    },
    enforceRights: async () => {
      await bench.bus.ensure(modelOf(configuration.desired));
    },
  };
  const grants = new GrantChanges({ log, configuration, changes, sensor });
  const open = (name: string) => bench.instrument(modelOf(configuration.desired), name);
  return { bench, configuration, changes, grants, health, open };
}

function packageOf(one: Manifest) {
  return {
    manifest: one,
    appDir: `/apps/${one.name}`,
    digest: one.name,
    image: { file: '/image', fingerprint: 'f' },
  };
}

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
    limits: { memoryMib: 256, cpuCores: 1, processes: 64, openFiles: 256 },
  };
}
