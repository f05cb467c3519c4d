import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import {
  openStoreBench,
  searchAll,
  storeAll,
  storeMessage,
  type StoreBench,
} from '../../support/event-store.ts';

const benches: StoreBench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.dispose();
});

async function openBench(values: Parameters<typeof openStoreBench>[0] = {}): Promise<StoreBench> {
  const bench = await openStoreBench(values);
  benches.push(bench);
  return bench;
}

const dns = (rrname: string, source = '10.1.2.3') => ({
  event_type: 'dns',
  src_ip: source,
  dest_ip: '192.0.2.53',
  flow_id: 123456789,
  dns: { type: 'answer', rrname, rrtype: 'A', answers: [{ rrname, rdata: '203.0.113.9' }] },
});
const alert = (signatureId: number, signature: string, severity: number, source = '10.1.2.3') => ({
  event_type: 'alert',
  src_ip: source,
  dest_ip: '198.51.100.7',
  community_id: '1:abc+/=',
  alert: { signature_id: signatureId, signature, severity },
});

test('every kind of filter finds what it asks for, newest first, and nothing else', async () => {
  const { store } = await openBench();
  const at = (minute: number) => new Date(Date.UTC(2026, 4, 1, 12, minute));
  await storeAll(store, [
    storeMessage({ time: at(0), records: [dns('mail.ward.example'), dns('ward.example', '10.1.9.9')] }),
    storeMessage({ time: at(1), type: 'alert', records: [alert(2019401, 'ET POLICY curl User-Agent', 3)] }),
    storeMessage({ time: at(2), type: 'alert', records: [alert(2019402, 'ET SCAN ssh', 1, '2001:db8::1')] }),
    storeMessage({
      time: at(3),
      instrument: 'suricata-2',
      type: 'http',
      records: [
        { src_ip: '10.200.0.1', http: { hostname: 'Intranet.Clinic.Example.', url: '/a/Report-7.pdf' } },
      ],
    }),
  ]);
  const found = async (filter: Parameters<typeof store.search>[0]) =>
    (await searchAll(store, filter)).map(
      ({ type, time }) => `${type}@${String(new Date(time).getUTCMinutes())}`,
    );
  expect(await found({})).toEqual(['http@3', 'alert@2', 'alert@1', 'dns@0', 'dns@0']);
  expect(await found({ types: ['alert'] })).toEqual(['alert@2', 'alert@1']);
  expect(await found({ types: ['alert', 'http'], since: at(2).toISOString() })).toEqual([
    'http@3',
    'alert@2',
  ]);
  expect(await found({ until: at(1).toISOString() })).toEqual(['dns@0', 'dns@0']);
  expect(await found({ instrument: 'suricata-2' })).toEqual(['http@3']);
  expect(await found({ address: '10.1.2.3' })).toEqual(['alert@1', 'dns@0']);
  expect(await found({ address: '203.0.113.9' })).toEqual(['dns@0', 'dns@0']);
  expect(await found({ address: '10.1.0.0/16' })).toEqual(['alert@1', 'dns@0', 'dns@0']);
  expect(await found({ address: '10.1.8.0/21' })).toEqual(['dns@0']);
  expect(await found({ address: '10.0.0.0/9' })).toEqual(['alert@1', 'dns@0', 'dns@0']);
  expect(await found({ address: '10.1.2.2/31' })).toEqual(['alert@1', 'dns@0']);
  expect(await found({ address: '0.0.0.0/1' })).toEqual(['http@3', 'alert@1', 'dns@0', 'dns@0']);
  expect(await found({ address: '2001:0DB8:0:0:0:0:0:1' })).toEqual(['alert@2']);
  expect(await found({ address: '2001:db8::/32' })).toEqual(['alert@2']);
  expect(await found({ address: '2001:db8:1::/48' })).toEqual([]);
  expect(await found({ name: 'ward.example' })).toEqual(['dns@0']);
  expect(await found({ name: '*.ward.example' })).toEqual(['dns@0']);
  expect(await found({ name: '*.example' })).toEqual(['http@3', 'dns@0', 'dns@0']);
  expect(await found({ name: 'intranet.clinic.example' })).toEqual(['http@3']);
  expect(await found({ signature: '2019401' })).toEqual(['alert@1']);
  expect(await found({ signature: 'scan SSH' })).toEqual(['alert@2']);
  expect(await found({ severity: 'low' })).toEqual(['alert@2', 'alert@1']);
  expect(await found({ severity: 'high' })).toEqual(['alert@2']);
  expect(await found({ text: 'report 7' })).toEqual(['http@3']);
  expect(await found({ text: 'repo*' })).toEqual(['http@3']);
  expect(await found({ text: 'repo' })).toEqual([]);
  expect(await found({ flow: '123456789' })).toEqual(['dns@0', 'dns@0']);
  expect(await found({ flow: '1:abc+/=' })).toEqual(['alert@2', 'alert@1']);
  expect(await found({ types: ['alert'], address: '10.0.0.0/8', text: 'curl', severity: 'low' })).toEqual([
    'alert@1',
  ]);
  expect(await found({ types: ['dns'], text: 'curl' })).toEqual([]);
});

test('pages are stable while events arrive, and cursors belong to their search', async () => {
  const { store } = await openBench();
  const minute = (n: number) => new Date(Date.UTC(2026, 4, 1, 12, n));
  const pack = (n: number) =>
    storeMessage({ time: minute(n), records: [dns(`a${String(n)}.example`), dns('b.example')] });
  await storeAll(store, [0, 1, 2, 3, 4, 5].map(pack));
  const first = await store.search({ types: ['dns'] }, { limit: 5 });
  expect(first.complete).toBe(true);
  await storeAll(store, [pack(6)]);
  const seen = [...first.events];
  for (let cursor = first.cursor; cursor !== undefined;) {
    const page = await store.search({ types: ['dns'] }, { limit: 5, cursor });
    seen.push(...page.events);
    cursor = page.cursor;
  }
  expect(seen.length).toBe(12);
  expect(new Set(seen.map(({ id }) => id)).size).toBe(12);
  await expect(store.search({}, { limit: 5, cursor: first.cursor })).rejects.toMatchObject({
    code: 'EVENTS_CURSOR_INVALID',
  });
  for (const filter of [{ address: '10.0.0' }, { text: '...' }, { name: '' }, { types: [] }, { other: 1 }]) {
    await expect(store.search(filter as never, { limit: 5 })).rejects.toMatchObject({
      code: 'EVENTS_FILTER_INVALID',
    });
  }
  for (const text of ['" OR "t=dns', "'); DROP TABLE packs", 'a* NEAR b', '*']) {
    await store.search({ text }, { limit: 5 }).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'EVENTS_FILTER_INVALID' });
    });
  }
  expect((await store.search({ name: '" OR "t=dns' }, { limit: 5 })).events).toEqual([]);
});

test('histograms add up, by type, by severity, and with any filter', async () => {
  const { store } = await openBench();
  const at = (minute: number) => new Date(Date.UTC(2026, 4, 1, 12, minute));
  await storeAll(store, [
    storeMessage({ time: at(0), records: [dns('a.example'), dns('b.example')] }),
    storeMessage({ time: at(9), type: 'alert', records: [alert(1, 'x', 1), alert(2, 'y', 3, '10.9.9.9')] }),
  ]);
  const byType = await store.histogram({}, { buckets: 10, by: 'type' });
  expect([byType.total, byType.complete, byType.bucketS]).toEqual([4, true, 60]);
  expect(byType.buckets[0]?.counts).toEqual({ dns: 2 });
  expect(byType.buckets.at(-1)?.counts).toEqual({ alert: 2 });
  const severe = await store.histogram({ severity: 'low' }, { buckets: 10, by: 'severity' });
  expect(severe.buckets.at(-1)?.counts).toEqual({ high: 1, low: 1 });
  const found = await store.histogram({ address: '10.1.2.3' }, { buckets: 10, by: 'type', budgetMs: 60_000 });
  expect([found.total, found.buckets[0]?.counts, found.buckets.at(-1)?.counts]).toEqual([
    3,
    { dns: 2 },
    { alert: 1 },
  ]);
});

test('each message is stored once, whoever reads it again, and a restart goes on where it was', async () => {
  const bench = await openBench();
  const message = storeMessage({ stream: 'S_a', sequence: 7, records: [dns('a.example')] });
  await storeAll(bench.store, [message]);
  await storeAll(bench.store, [
    message,
    storeMessage({ stream: 'S_a', sequence: 8, records: [dns('b.example')] }),
  ]);
  const store = await bench.reopen();
  expect(await store.positions()).toMatchObject([{ stream: 'S_a', sequence: 8 }]);
  expect((await searchAll(store, {})).length).toBe(2);
  expect((await store.data().report()).dropped).toEqual({ duplicate: 1 });
});

test('ABUSE 47: a clock that is a year wrong drops nothing; time that goes by does, type by type', async () => {
  const bench = await openBench();
  const { clock, settings, store } = bench;
  settings.retentionDays.types = { dns: 5 };
  const pack = (type: string) =>
    storeMessage({ type, storedAt: new Date(clock.wallMs), records: [dns('a.example')] });
  await storeAll(store, [pack('dns'), pack('http')]);
  for (const jumpMs of [365 * 86_400_000, -730 * 86_400_000]) {
    clock.wallMs += jumpMs;
    const { expired, jumpedS } = await store.upkeep();
    expect([expired, Math.sign(jumpedS ?? 0)]).toEqual([0, Math.sign(jumpMs)]);
    // What is stored while the clock is wrong is not older, nor younger, than it is.
    await storeAll(store, [pack('dns'), pack('http')]);
    expect((await store.upkeep()).expired).toBe(0);
  }
  clock.bootId = 'boot-2';
  clock.uptimeS = 10;
  clock.wallMs += 3 * 365 * 86_400_000;
  // A week of a restart is believed, and no more: names of 5 days go, nothing that is kept for 30.
  const restarted = await store.upkeep();
  expect([restarted.expired, restarted.doubtedS > 86_400]).toEqual([3, true]);
  expect((await searchAll(store, {})).map(({ type }) => type)).toEqual(['http', 'http', 'http']);
  clock.pass(29 * 86_400);
  expect((await store.upkeep()).expired).toBe(3);
  expect((await store.data().report()).dropped).toEqual({ retention: 6 });
  expect((await store.histogram({}, { buckets: 5, by: 'type' })).total).toBe(0);
});

test('a full store drops what would expire next, counts it, and goes on', async () => {
  const { store, settings, clock } = await openBench();
  settings.retentionDays.types = { alert: 300 };
  settings.storeMib = 2;
  const noise = () =>
    Array.from({ length: 40 }, () => dns(`${Math.random().toString(36).repeat(3)}.example`));
  const now = () => new Date(clock.wallMs);
  await storeAll(store, [storeMessage({ type: 'alert', storedAt: now(), records: [alert(1, 'kept', 1)] })]);
  let evicted = 0;
  for (let round = 0; round < 12 && evicted === 0; round += 1) {
    clock.pass(60);
    await storeAll(
      store,
      Array.from({ length: 30 }, () => storeMessage({ storedAt: now(), records: noise() })),
    );
    evicted = (await store.upkeep()).evicted;
  }
  expect(evicted).toBeGreaterThan(0);
  expect((await store.data().report()).dropped['full']).toBe(evicted);
  expect((await searchAll(store, { types: ['alert'] })).length).toBe(1);
});

test('find, hold and purge reach every record of a subject, and nothing else', async () => {
  const { store, clock } = await openBench();
  const data = store.data();
  const storedAt = new Date(clock.wallMs);
  await storeAll(store, [
    storeMessage({
      storedAt,
      records: [dns('mail.ward.example'), dns('other.example', '10.1.2.33'), dns('c.example')],
    }),
    storeMessage({
      storedAt,
      type: 'http',
      records: [{ http: { url: '/from/10.1.2.3:80/x' } }, { note: 'a 10.1.2.31 b' }],
    }),
    storeMessage({ storedAt, type: 'ftp', records: [{ text: 'x'.repeat(2_000) + ' 10.1.2.3' }] }),
  ]);
  expect(await data.find({ address: '10.1.2.3' })).toMatchObject({
    records: 4,
    byType: { dns: 2, http: 1, ftp: 1 },
  });
  expect(await data.find({ name: 'mail.ward.example' })).toMatchObject({ records: 1 });
  expect(await data.find({ name: 'ward.example' })).toMatchObject({ records: 0 });
  const hold = await data.hold({ name: 'mail.ward.example' }, 'case 7');
  expect(await data.purge({ address: '10.1.2.3' })).toEqual({ deleted: 3, held: 1 });
  clock.pass(40 * 86_400);
  await store.upkeep();
  expect((await searchAll(store, {})).map(({ type }) => type)).toEqual(['dns']);
  expect(await data.release(hold.id)).toBe(true);
  await store.upkeep();
  expect(await searchAll(store, {})).toEqual([]);
});

test('a damaged store is set aside and made anew, and says so', async () => {
  const bench = await openBench();
  await storeAll(bench.store, [storeMessage({ records: [dns('a.example')] })]);
  await bench.store.close();
  await writeFile(join(bench.dir, 'events.db'), Buffer.alloc(65_536, 'not a database '));
  const store = await bench.reopen();
  expect(store.damage).toBeDefined();
  expect(await store.positions()).toEqual([]);
  await storeAll(store, [storeMessage({ records: [dns('b.example')] })]);
  expect((await searchAll(store, {})).length).toBe(1);
  expect((await readdir(bench.dir)).filter((name) => name.startsWith('damaged-')).length).toBe(1);
});

test('the field policy acts before storage, in the index too, and again on export', async () => {
  const { store } = await openBench({
    fieldPolicy: [
      { action: 'drop', path: 'http.url', at: 'storage' },
      { action: 'pseudonymise', path: 'src_ip', at: 'storage' },
      { action: 'drop', path: 'http.hostname', at: 'export' },
    ],
  });
  const record = { src_ip: '10.1.2.3', http: { hostname: 'h.example', url: '/secret', status: '=1+1' } };
  await storeAll(store, [storeMessage({ type: 'http', records: [record] })]);
  expect(await searchAll(store, { address: '10.1.2.3' })).toEqual([]);
  expect(await searchAll(store, { text: 'secret' })).toEqual([]);
  const [event] = await searchAll(store, { name: 'h.example' });
  expect(event?.record).toEqual({
    src_ip: expect.stringMatching(/^p-/) as string,
    http: { hostname: 'h.example', status: '=1+1' },
  });
  for (const format of ['ndjson', 'csv'] as const) {
    let text = '';
    for await (const part of store.export({}, format)) text += part.text;
    expect(text).not.toContain('h.example');
    expect(text.split('\n').length).toBe(format === 'csv' ? 3 : 2);
  }
});
