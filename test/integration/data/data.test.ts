import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  canonicalJson,
  DataKeeper,
  DataSources,
  instrumentSource,
  parseSubject,
  verifyReport,
} from '@bulkhead/platform/data';
import { openLog } from '@bulkhead/platform/kernel';
import type { DataHandlers, Instrument, KeptCopy } from '@bulkhead/sdk';
import { streamSource } from '../../../platform/sensord/data-streams.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';
import { desiredWith } from './desired.ts';

const model = busModel([
  busInstrument('suricata', { publish: ['alert'] }),
  busInstrument('names', { read: [{ from: 'suricata', type: 'alert' }] }),
]);
const master = randomBytes(32);
const asked = { reason: 'a request', by: 'anna' };
const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();

let bench: BusBench;
let suricata: Instrument;
let names: Instrument;
let published: [string, Record<string, unknown>][];
beforeEach(async () => {
  bench = await openBusBench('bd1');
  await bench.bus.ensure(model);
  suricata = await bench.instrument(model, 'suricata');
  names = await bench.instrument(model, 'names');
  published = [];
});
afterEach(async () => {
  await bench.dispose();
});

async function open(): Promise<DataKeeper> {
  const sources = new DataSources();
  sources.register(streamSource({ bus: bench.bus, desired: () => desiredWith(model) }));
  sources.register(() =>
    ['suricata', 'names'].map((name) =>
      instrumentSource({
        name,
        running: true,
        volume: undefined,
        readers: [],
        goesTo: [],
        request: (command, payload, timeoutMs) => bench.bus.request(name, command, payload, timeoutMs),
      }),
    ),
  );
  const keeper = new DataKeeper({
    dir: join(bench.site.stateDir, 'data'),
    log: openLog('data', 'silent'),
    secret: (purpose) => createHmac('sha256', master).update(purpose).digest(),
    sources,
    head: () => ({ sensor: 'lab', versions: {}, configuration: { digest: 'd', loadedAt: 'now' } }),
    publish: (type, record) => published.push([type, record]),
  });
  await keeper.open();
  return keeper;
}

/** An instrument that keeps addresses in memory, as the sdk's page describes. */
function keeping(
  addresses: string[],
  copy: Partial<KeptCopy> = {},
): { held: string[]; handlers: DataHandlers } {
  const held: string[] = [];
  names.onRetention(() => [{ name: 'seen', what: 'addresses', records: addresses.length, ...copy }]);
  const handlers: DataHandlers = {
    find: ({ address }) => [{ copy: 'seen', records: addresses.filter((one) => one === address).length }],
    purge: ({ address }) => {
      const before = addresses.length;
      addresses.splice(0, before, ...addresses.filter((one) => one !== address || held.includes(one)));
      return before - addresses.length;
    },
    hold: ({ address = '' }, hold) => {
      if (hold) held.push(address);
      else held.splice(0);
    },
  };
  names.onData(handlers);
  return { held, handlers };
}

test('find looks through streams and instruments; purge deletes where it can and says where it cannot', async () => {
  const addresses = ['10.0.0.7', '10.0.0.7', '10.0.0.8'];
  keeping(addresses);
  await Promise.all([
    suricata.publish('alert', { src_ip: '10.0.0.7', n: 1 }),
    suricata.publish('alert', { src_ip: '10.0.0.77', n: 2 }),
    suricata.publish('alert', { dest_ip: '10.0.0.7', n: 3 }),
  ]);
  const keeper = await open();
  const subject = parseSubject('10.0.0.7');
  const found = await keeper.find(subject);
  expect(found.unanswered).toEqual([]);
  expect(found.matches).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ copy: 'stream/suricata', records: 2, basis: 'measured', complete: true }),
      expect.objectContaining({ copy: 'instrument/names/seen', records: 2, basis: 'declared' }),
      expect.objectContaining({ copy: 'instrument/suricata', records: 0, complete: false }),
    ]),
  );

  await keeper.hold(subject, asked);
  await expect(keeper.purge(subject, { ...asked, requestId: 'request-1' })).rejects.toMatchObject({
    code: 'DATA_HELD',
  });
  await keeper.release(subject, asked);
  const outcome = await keeper.purge(subject, { ...asked, requestId: 'request-2' });
  expect(outcome.finished).toBe(true);
  expect(outcome.results).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ copy: 'instrument/names', deleted: 2 }),
      expect.objectContaining({
        copy: 'stream/suricata',
        deleted: 0,
        note: expect.stringMatching(/^2 records stay/) as string,
      }),
    ]),
  );
  expect(addresses).toEqual(['10.0.0.8']);
});

test('the report has every stream and what instruments declare, is signed, and overdue data is said once', async () => {
  keeping(['10.0.0.7'], { oldest: daysAgo(40), policyDays: 30 });
  await suricata.publish('alert', { n: 1 });
  const keeper = await open();
  const signed = await keeper.report();
  const copies = new Map(signed.report.copies.map((copy) => [copy.copy, copy]));
  expect([...copies.keys()]).toEqual(
    expect.arrayContaining(['stream/suricata', 'stream/platform', 'stream/names']),
  );
  expect(copies.get('stream/suricata')).toMatchObject({
    age: { basis: 'measured', days: 0 },
    readers: ['root of the sensor', 'names (granted: alert)'],
  });
  expect(copies.get('instrument/names/seen')).toMatchObject({
    age: { basis: 'declared' },
    findings: [{ code: 'overdue' }],
  });
  expect(verifyReport(canonicalJson(signed)).report.sensor).toBe('lab');

  await keeper.round();
  await keeper.round();
  expect(published).toEqual([
    [
      'retention.overdue',
      expect.objectContaining({ copy: 'instrument/names/seen', finding: 'overdue', policyDays: 30 }),
    ],
  ]);
  expect(keeper.attention()).toEqual([
    expect.stringMatching(/^data: instrument\/names\/seen has records of/),
  ]);
});

test('an instrument that hangs, lies in its form or is gone costs the report only its own part', async () => {
  names.onRetention(() => new Promise<never>(() => undefined));
  suricata.onRetention(() => [{ name: 'BAD NAME', what: 'x\u001b[2J' }]);
  const keeper = await open();
  const { report } = await keeper.report();
  expect(report.unanswered).toEqual([
    { source: 'instrument/suricata', error: expect.stringMatching(/^DATA_REPLY_INVALID/) as string },
    { source: 'instrument/names', error: expect.stringMatching(/^BUS_TIMEOUT/) as string },
  ]);
  expect(report.copies.filter(({ kind }) => kind === 'stream')).toHaveLength(3);
});
