import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PassiveDnsAnswerSchema } from '@bulkhead/platform/contracts';
import { waitFor } from '@bulkhead/platform/kernel';
import type { Instrument } from '@bulkhead/sdk';
import { PassiveDnsApp } from '../../../instruments/passive-dns/src/app.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

const model = busModel([
  busInstrument('suricata', { publish: ['dns', 'alert'] }),
  busInstrument('passive-dns', {
    read: [
      { from: 'suricata', type: 'dns' },
      { from: 'suricata', type: 'alert' },
    ],
    publish: ['alert.names'],
    accept: ['dns.lookup'],
  }),
  busInstrument('portal', {
    send: [{ to: 'passive-dns', command: 'dns.lookup' }],
    read: [{ from: 'passive-dns', type: 'alert.names' }],
  }),
]);
const folder = mkdtempSync(join(tmpdir(), 'bdns-app-'));
let bench: BusBench;
let suricata: Instrument;
let app: PassiveDnsApp;
let own: Instrument;

async function startApp(): Promise<void> {
  own = await bench.instrument(model, 'passive-dns', { dataDir: folder });
  app = new PassiveDnsApp(own);
  await app.start({ apiPort: 0, pagePort: 0 });
}

beforeAll(async () => {
  mkdirSync(join(folder, 'persistent'));
  bench = await openBusBench('bda');
  await bench.bus.ensure(model);
  suricata = await bench.instrument(model, 'suricata');
  await startApp();
});
afterAll(async () => {
  await bench.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const answer = { rrname: 'c2.example', rrtype: 'A', ttl: 30, rdata: '203.0.113.66' };
const lookUp = async (query: string) => {
  const reply = await bench.bus.send('passive-dns', 'dns.lookup', { query }, 5_000);
  return reply.ok ? PassiveDnsAnswerSchema.parse(reply.result).records : reply;
};

test('events become answers: for the platform, for an instrument that was granted it, over HTTP', async () => {
  await suricata.publish('dns', { event_type: 'dns', dns: { type: 'answer', answers: [answer] } });
  await waitFor('the record', 20_000, async () => JSON.stringify(await lookUp('c2.example')).includes('c2'));
  const portal = await bench.instrument(model, 'portal');
  const asked = await portal.send('passive-dns', 'dns.lookup', { query: '203.0.113.66' });
  expect(PassiveDnsAnswerSchema.parse(asked).records).toMatchObject([{ rrname: 'c2.example', count: 1 }]);
  const response = await fetch(`http://127.0.0.1:${String(app.apiPort)}/query/c2.example`);
  expect(JSON.parse(await response.text())).toMatchObject({ rdata: '203.0.113.66' });
  const page = `http://127.0.0.1:${String(app.pagePort)}/api/`;
  expect(await (await fetch(`${page}lookup?name=c2.example`)).json()).toMatchObject({
    result: { records: [{ rdata: '203.0.113.66' }], more: false },
  });
  expect(await (await fetch(`${page}state`)).json()).toMatchObject({
    result: {
      records: 1,
      observations: 1,
      readsDns: true,
      state: 'ok',
      oldest: expect.any(Number) as number,
    },
  });
  expect(await lookUp('')).toMatchObject({ ok: false, code: 'PASSIVE_DNS_QUERY_INVALID' });
  await portal.close();
});

test('an alert gets one event with its names, that cites it, also when the instrument starts again', async () => {
  const portal = await bench.instrument(model, 'portal');
  const named: Readonly<Record<string, unknown>>[] = [];
  portal.subscribe('passive-dns', 'alert.names', ({ record }) => void named.push(record));
  await suricata.publish('alert', { event_type: 'alert', src_ip: '10.0.0.1', dest_ip: '203.0.113.66' });
  await suricata.publish('alert', { event_type: 'alert', src_ip: '10.0.0.1', dest_ip: '10.0.0.2' });
  await waitFor('the names', 20_000, () => named.length > 0);
  expect(named[0]).toMatchObject({ dest_ip: [{ rrname: 'c2.example', rdata: '203.0.113.66' }] });
  expect(named[0]?.['cites']).toMatch(/^.+\/0$/);
  expect(named[0]?.['src_ip']).toBeUndefined();
  await waitFor('both alerts', 20_000, () => app.health().counters?.['alerts.seen'] === 2);
  await own.close();
  await startApp();
  await suricata.publish('dns', { event_type: 'dns', dns: { type: 'answer', answers: [answer] } });
  await waitFor('the second count', 20_000, async () =>
    JSON.stringify(await lookUp('c2.example')).includes('"count":2'),
  );
  expect(named).toHaveLength(1);
  await portal.close();
});

test('health counts; the data report is told what is kept; options are checked', async () => {
  const health = app.health();
  expect(health.state).toBe('ok');
  expect(health.counters).toMatchObject({ rrsets: 1, shed: 0, damaged: 0 });
  const kept = await bench.bus.request('passive-dns', 'retention', {}, 5_000);
  expect(kept).toMatchObject({ copies: [{ name: 'dns-records', records: 1, policyDays: 90 }] });
  const found = await bench.bus.request('passive-dns', 'data.find', { address: '203.0.113.66' }, 5_000);
  expect(found).toMatchObject({ matches: [{ copy: 'dns-records', records: 1 }] });
  expect(app.configure({ retentionDays: 0 })).toMatchObject({
    ok: false,
    code: 'PASSIVE_DNS_OPTIONS_INVALID',
  });
  expect(app.configure({ retentionDays: 10 })).toEqual({ ok: true });
});
