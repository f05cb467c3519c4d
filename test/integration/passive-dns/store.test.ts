import { cpSync, writeFileSync, readFileSync, appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import {
  findSubject,
  holdSubject,
  purgeSubject,
} from '../../../instruments/passive-dns/src/personal-data.ts';
import { answersMessage, dnsFolder, recordsOf, WIDE } from '../../support/dns-store.ts';

const folders: ReturnType<typeof dnsFolder>[] = [];
const dnsAt = (folder?: string) => {
  const made = dnsFolder(folder);
  folders.push(made);
  return made;
};
afterEach(async () => {
  for (const folder of folders.splice(0)) await folder.dispose();
});

test('what was taken is found by name, below a domain, by address, type and time; newest first', async () => {
  const store = await dnsAt().open();
  const now = Date.now();
  await store.take(answersMessage('m1', ['a.example.org', 'b.example.org'], '192.0.2.1', now - 3_600_000));
  await store.take(answersMessage('m2', ['a.example.org', 'example.org', 'example-x.org'], '192.0.2.1', now));
  await store.take(answersMessage('m3', ['A.Example.ORG.'], '192.0.2.2', now));
  await store.settle();
  const [first, second] = recordsOf(store, 'a.EXAMPLE.org.');
  expect(first).toMatchObject({ rrname: 'a.example.org', rrtype: 'A', count: 2 });
  expect((first?.time_last ?? 0) - (first?.time_first ?? 0)).toBe(3_600);
  expect(second).toMatchObject({ rdata: '192.0.2.2', count: 1 });
  const names = (records: readonly { rrname: string }[]) => records.map(({ rrname }) => rrname);
  expect(names(recordsOf(store, '*.example.org'))).toEqual([
    'a.example.org',
    'a.example.org',
    'b.example.org',
  ]);
  expect(names(recordsOf(store, '192.0.2.1')).sort()).toEqual([
    'a.example.org',
    'b.example.org',
    'example-x.org',
    'example.org',
  ]);
  const since = Math.floor(now / 1000) - 60;
  expect(names(recordsOf(store, '*.example.org', { since }))).not.toContain('b.example.org');
  expect(names(recordsOf(store, '*.example.org', { until: since }))).toEqual([
    'a.example.org',
    'b.example.org',
  ]);
  expect(recordsOf(store, 'a.example.org', { rrtype: 'aaaa' })).toEqual([]);
  expect(recordsOf(store, '*.example.org', { limit: 1, offset: 1 })).toHaveLength(1);
});

test('a message that comes again counts once: while it waits, later, and after a restart', async () => {
  const folder = dnsAt();
  const store = await folder.open();
  const message = answersMessage('m1', ['a.example.org']);
  await Promise.all([store.take(message), store.take(message)]);
  await store.take(message);
  await store.close();
  const again = await folder.open();
  await again.take(message);
  await again.settle();
  expect(recordsOf(again, 'a.example.org')).toMatchObject([{ count: 1 }]);
  expect(again.counters.repeated).toBe(1);
});

test('a crash at any moment: what was acknowledged is there, once, also when the bus delivers it again', async () => {
  const folder = dnsAt();
  const store = await folder.open();
  const images: { copy: string; acknowledged: string[] }[] = [];
  const acknowledged: string[] = [];
  const messages = Array.from({ length: 60 }, (_, i) =>
    answersMessage(`m${String(i)}`, [`n${String(i)}.example.org`, 'all.example.org']),
  );
  for (const [i, message] of messages.entries()) {
    await store.take(message);
    acknowledged.push(message.key);
    if (i === 25) await store.settle();
    if (i % 20 !== 7) continue;
    // The files as a crash leaves them: a copy while the store is in use.
    const copy = join(folder.folder, `image-${String(i)}`);
    for (const part of ['', '-wal', '.journal'])
      cpSync(`${folder.file}${part}`, join(copy, `dns.sqlite${part}`));
    images.push({ copy, acknowledged: [...acknowledged] });
  }
  expect(images.length).toBe(3);
  for (const image of images) {
    const after = await dnsAt(image.copy).open();
    expect(image.acknowledged.every((key) => after.knows(key))).toBe(true);
    await Promise.all(messages.map((message) => after.take(message)));
    await after.settle();
    expect(recordsOf(after, 'all.example.org')).toMatchObject([{ count: messages.length }]);
    expect(recordsOf(after, '*.example.org')).toHaveLength(messages.length + 1);
  }
});

test('a journal that was cut off at its end is read up to there, and goes on', async () => {
  const folder = dnsAt();
  const store = await folder.open();
  await store.take(answersMessage('m1', ['a.example.org']));
  const journal = readFileSync(`${folder.file}.journal`);
  await store.take(answersMessage('m2', ['b.example.org']));
  const whole = readFileSync(`${folder.file}.journal`);
  expect(whole.length).toBeGreaterThan(journal.length);
  const copy = dnsAt();
  writeFileSync(`${copy.file}.journal`, whole.subarray(0, whole.length - 5));
  const after = await copy.open();
  await after.settle();
  expect(recordsOf(after, '*.example.org')).toMatchObject([{ rrname: 'a.example.org' }]);
  await after.take(answersMessage('m2', ['b.example.org']));
  await after.close();
  appendFileSync(`${copy.file}.journal`, 'garbage');
  const last = await copy.open();
  expect(recordsOf(last, '*.example.org')).toHaveLength(2);
  expect(copy.warnings.join()).toContain('cut off');
});

test('a flood below one name is shed there, rarest and oldest first; others and what is held stay', async () => {
  const store = await dnsAt().open({ bounds: () => ({ ...WIDE, maxRecordsPerSuffix: 500 }) });
  await store.take(answersMessage('m0', ['www.other.example', 'held.flood.example'], '192.0.2.7'));
  await store.settle();
  holdSubject(store, { address: '192.0.2.7' }, true);
  for (let i = 0; i < 3; i += 1) await store.take(answersMessage(`w${String(i)}`, ['www.flood.example']));
  await store.settle();
  for (let i = 0; i < 20; i += 1) {
    const names = Array.from({ length: 100 }, (_, n) => `${String(i)}x${String(n)}.flood.example`);
    await store.take(answersMessage(`f${String(i)}`, names));
    if (i % 4 === 3) await store.settle();
  }
  const left = recordsOf(store, '*.flood.example').length;
  expect(left).toBeLessThanOrEqual(500);
  expect(recordsOf(store, 'www.flood.example')).toMatchObject([{ count: 3 }]);
  expect(recordsOf(store, 'held.flood.example')).toHaveLength(1);
  expect(recordsOf(store, 'www.other.example')).toHaveLength(1);
  expect(store.writer?.shed).toBe(2_002 - left);
  expect(store.writer?.records).toBe(left + 1);
});

test('the whole is bounded by records and by bytes', async () => {
  for (const bounds of [
    { ...WIDE, maxRecords: 1_000 },
    { ...WIDE, maxBytes: 400_000 },
  ]) {
    const store = await dnsAt().open({ bounds: () => bounds });
    for (let i = 0; i < 40; i += 1) {
      const names = Array.from({ length: 100 }, (_, n) => `www.s${String(i)}-${String(n)}.example`);
      await store.take(answersMessage(`m${String(i)}`, names));
      await store.settle();
    }
    const records = store.writer?.records ?? 0;
    expect(records).toBeGreaterThan(100);
    expect(records).toBeLessThan(3_000);
    expect(records + (store.writer?.shed ?? 0)).toBe(4_000);
    const counted = store.query((db) => db.prepare('SELECT count(*) FROM rrsets').pluck().get());
    expect(counted).toBe(records);
  }
});

test('while much is being written, a lookup does not wait for it, and a hold ends it first', async () => {
  const store = await dnsAt().open();
  const names = Array.from({ length: 20_000 }, (_, n) => `n${String(n)}.example`);
  await store.take(answersMessage('m1', names));
  const settled = store.settle();
  let looks = 0;
  while (store.look((db) => db.inTransaction) || looks === 0) {
    if (store.look((db) => db.inTransaction)) looks += 1;
    if (looks === 3) holdSubject(store, { address: '192.0.2.1' }, true);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  await settled;
  expect(looks).toBe(3);
  const count = (table: string) =>
    store.query((db) => db.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
  expect([count('rrsets'), count('holds'), store.writer?.records]).toEqual([20_000, 1, 20_000]);
});

test('what is known of an address or a name is found, held and deleted for ever', async () => {
  const folder = dnsAt();
  const store = await folder.open();
  await store.take(answersMessage('m1', ['mark-of-anna.example', 'two.example'], '10.0.0.7'));
  await store.take(answersMessage('m2', ['7.0.0.10.in-addr.arpa', 'other.example'], '10.0.0.8'));
  expect(await findSubject(store, { address: '10.0.0.7' })).toMatchObject([
    { copy: 'dns-records', records: 3 },
  ]);
  holdSubject(store, { address: '10.0.0.7' }, true);
  expect(await purgeSubject(store, { name: 'two.example' })).toBe(0);
  expect(await purgeSubject(store, { address: '10.0.0.7' })).toBe(0);
  holdSubject(store, { address: '10.0.0.7' }, false);
  expect(await purgeSubject(store, { address: '10.0.0.7' })).toBe(3);
  expect(await purgeSubject(store, { address: '10.0.0.7' })).toBe(0);
  expect(await findSubject(store, { address: '10.0.0.7' })).toEqual([]);
  expect(recordsOf(store, 'other.example')).toHaveLength(1);
  for (const part of ['', '-wal', '.journal']) {
    expect(readFileSync(`${folder.file}${part}`).includes('mark-of-anna')).toBe(false);
  }
  await expect(findSubject(store, { address: 'nobody' })).rejects.toMatchObject({
    code: 'PASSIVE_DNS_QUERY_INVALID',
  });
});
