import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { ASSETS_COUNTED_MOST } from '@bulkhead/fleet-api';
import { prepareAssetSearch, searchAssets } from '../../../fleet-ui/server/events/store/asset-search.ts';
import { evict } from '../../../fleet-ui/server/events/store/assets.ts';
import { sqliteBinding } from '../../support/event-store.ts';
import { fleetMessage, openFleetStore } from '../../support/fleet/event-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

const A = testSensorId(1);
const B = testSensorId(2);
const NOW = Date.now();

const flow = (from: string, to: string, port = 443) => ({
  event_type: 'flow',
  ...{ src_ip: from, src_port: 50_000, dest_ip: to, dest_port: port, proto: 'TCP', app_proto: 'tls' },
  flow: { pkts_toclient: 3, pkts_toserver: 3 },
});
const alert = (from: string, to: string, severity = 1) => ({
  ...{ event_type: 'alert', src_ip: from, dest_ip: to },
  alert: { severity, signature_id: 7, signature: 'x' },
});
const all = { sensors: [A, B], sort: 'last' as const, limit: 50, offset: 0 };

test('assets are derived from what is stored, by sensor, each event once, and survive a restart', async () => {
  const bench = await openFleetStore();
  try {
    const first = fleetMessage({
      ...{ sensor: A, sequence: 1, timeMs: NOW - 60_000 },
      records: [flow('10.0.0.7', '203.0.113.5'), alert('10.0.0.7', '203.0.113.5')],
    });
    await bench.store.insert([first]);
    await bench.store.insert([first]);
    await bench.reopen();
    await bench.store.insert([
      fleetMessage({ sensor: A, sequence: 2, timeMs: NOW, records: [alert('10.0.0.7', '10.0.0.1', 3)] }),
      fleetMessage({ sensor: B, sequence: 1, timeMs: NOW, records: [flow('10.0.0.7', '10.0.0.2', 22)] }),
    ]);
    const found = await bench.store.assets(all);
    expect(found).toMatchObject({ total: 5, known: 5, evicted: 0 });
    expect(found.readingFrom).toBeUndefined();
    // Private ones first.
    expect(found.assets.at(-1)?.address).toBe('203.0.113.5');
    const host = await bench.store.asset(A, '10.0.0.7');
    expect(host).toMatchObject({ events: 3, alerts: 2, highAlerts: 1, isPrivate: true, services: [] });
    expect([host?.first, host?.last]).toEqual([NOW - 60_000, NOW]);
    expect((await bench.store.asset(B, '10.0.0.7'))?.alerts).toBe(0);
    expect((await bench.store.asset(A, '203.0.113.5'))?.services).toMatchObject([
      { port: 443, protocol: 'tcp', application: 'tls' },
    ]);
    const ofB = await bench.store.assets({ ...all, sensors: [B] });
    expect([ofB.total, ofB.known, new Set(ofB.assets.map(({ sensor }) => sensor))]).toEqual([
      2,
      2,
      new Set([B]),
    ]);
  } finally {
    await bench.dispose();
  }
});

test('they are found by network, name, kind and alert', async () => {
  const bench = await openFleetStore();
  try {
    const dns = {
      ...{
        event_type: 'dns',
        src_ip: '10.0.0.53',
        src_port: 53,
        dest_ip: '10.0.0.7',
        dest_port: 9,
        proto: 'UDP',
      },
      dns: {
        answers: [
          { rrname: 'files_1.example.org', rrtype: 'A', rdata: '10.1.0.9' },
          { rrname: 'far.example.net', rrtype: 'A', rdata: '198.51.100.7' },
        ],
      },
    };
    const records = [dns, alert('10.0.0.7', '203.0.113.5'), alert('2001:db8::7', '10.1.0.8')];
    await bench.store.insert([fleetMessage({ sensor: A, sequence: 1, timeMs: NOW, records })]);
    const find = async (asked: object) =>
      (await bench.store.assets({ ...all, ...asked })).assets.map(({ address }) => address).sort();
    expect(await find({ text: '10.1.0.0/16' })).toEqual(['10.1.0.8', '10.1.0.9']);
    expect(await find({ text: '2001:db8::/32' })).toEqual(['2001:db8::7']);
    expect(await find({ text: 'FILES_1' })).toEqual(['10.1.0.9']);
    expect(await find({ text: 'files%' })).toEqual([]);
    // A public address that was only spoken of is no asset.
    expect(await find({ text: '198.51.100.7' })).toEqual([]);
    expect(await find({ kind: 'public' })).toEqual(['2001:db8::7', '203.0.113.5']);
    expect(await find({ alerts: true, kind: 'private' })).toEqual(['10.0.0.7', '10.1.0.8']);
    const label = {
      sensor: A,
      address: '0a010009',
      name: 'File server',
      note: '',
      critical: 1,
      by_name: 'anna',
      at: NOW,
    };
    await bench.store.labelAssets([label], true);
    expect(await find({ kind: 'critical' })).toEqual(['10.1.0.9']);
    expect(await find({ text: 'file SERVER' })).toEqual(['10.1.0.9']);
    await bench.store.labelAssets([{ ...label, name: '', critical: 0 }], false);
    expect(await find({ kind: 'labelled' })).toEqual([]);
  } finally {
    await bench.dispose();
  }
});

test('everything is counted, and what fits a question no further than anybody can page to', async () => {
  const bench = await openFleetStore();
  try {
    const records = Array.from({ length: ASSETS_COUNTED_MOST + 100 }, (_, n) =>
      flow(`203.${String(n >> 16)}.${String((n >> 8) & 255)}.${String(n & 255)}`, '10.0.0.1'),
    );
    for (let n = 0; n * 500 < records.length; n += 1) {
      const some = records.slice(n * 500, (n + 1) * 500);
      await bench.store.insert([fleetMessage({ sensor: A, sequence: n + 1, timeMs: NOW, records: some })]);
    }
    const known = records.length + 1;
    expect(await bench.store.assets(all)).toMatchObject({ total: known, known });
    expect(await bench.store.assets({ ...all, kind: 'public' })).toMatchObject({
      ...{ total: ASSETS_COUNTED_MOST, known },
    });
    const last = await bench.store.assets({ ...all, kind: 'public', limit: 200, offset: 10_000 });
    expect(last.assets).toHaveLength(200);
  } finally {
    await bench.dispose();
  }
});

test('a search whose time is over answers with what it found, and says so', async () => {
  const bench = await openFleetStore();
  try {
    const records = Array.from({ length: 400 }, (_, n) =>
      flow(`10.1.${String(n >> 8)}.${String(n & 255)}`, '10.0.0.1'),
    );
    await bench.store.insert([fleetMessage({ sensor: A, sequence: 1, timeMs: NOW, records })]);
    const asked = { ...all, text: '10.1.0.0/16', limit: 100 };
    // In the time that the store gives.
    expect(await bench.store.assets(asked)).toMatchObject({ total: 400, complete: true });
    const db = new Database(join(bench.folder, 'events/events.db'), {
      ...{ nativeBinding: sqliteBinding(), readonly: true },
    });
    prepareAssetSearch(db);
    const keyOf = ({ sensor, address }: { sensor: string; address: string }) => `${sensor} ${address}`;
    const whole = searchAssets(db, { ...asked, limit: 400, budgetMs: 600_000 });
    expect([whole.complete, whole.total, whole.assets.length]).toEqual([true, 400, 400]);
    const none = searchAssets(db, { ...asked, budgetMs: -1 });
    expect([none.complete, none.total, none.assets]).toEqual([false, 0, []]);
    expect(none.known).toBe(401);
    expect(searchAssets(db, { ...asked, text: undefined, budgetMs: -1 })).toMatchObject({ complete: false });
    // Wherever the time is over: what is there is right, and nothing that is missing passes for all there is.
    const fits = new Set(whole.assets.map(keyOf));
    for (let budgetMs = 0; budgetMs < 4; budgetMs += 0.05) {
      const { assets, total, complete } = searchAssets(db, { ...asked, budgetMs });
      expect(assets.filter((asset) => !fits.has(keyOf(asset)))).toEqual([]);
      expect(total).toBeGreaterThanOrEqual(assets.length);
      if (complete) expect([assets.length, total]).toEqual([100, 400]);
    }
    db.close();
  } finally {
    await bench.dispose();
  }
});

test('what was stored before there were assets is read later, and nothing is counted twice', async () => {
  const bench = await openFleetStore();
  try {
    const message = (sequence: number, timeMs: number) =>
      fleetMessage({ sensor: A, sequence, timeMs, records: [alert('10.0.0.7', '10.0.0.1')] });
    await bench.store.insert(
      Array.from({ length: 120 }, (_, n) => message(n + 1, NOW - 200_000 + n * 1_000)),
    );
    await bench.store.close();
    const db = new Database(join(bench.folder, 'events/events.db'), { nativeBinding: sqliteBinding() });
    db.exec("DROP TABLE assets; DROP TABLE asset_counts; DELETE FROM state WHERE key = 'assets.from'");
    db.close();
    await bench.reopen();
    expect((await bench.store.assets(all)).readingFrom).toBeGreaterThan(0);
    // One that is older than what was read, and one that is newer.
    await bench.store.insert([message(200, NOW - 150_500), message(201, NOW)]);
    await bench.store.upkeep();
    expect((await bench.store.assets(all)).readingFrom).toBeUndefined();
    expect(await bench.store.asset(A, '10.0.0.7')).toMatchObject({ events: 122, alerts: 122 });
  } finally {
    await bench.dispose();
  }
});

test('they go with the events, and there are never too many: of the sensor with the most, public and oldest first', async () => {
  const bench = await openFleetStore({ retentionDays: 30 });
  try {
    const records = Array.from({ length: 40 }, (_, n) => flow(`203.0.113.${String(n + 1)}`, '10.0.0.1'));
    await bench.store.insert([
      fleetMessage({ sensor: A, sequence: 1, timeMs: NOW, records }),
      fleetMessage({ sensor: B, sequence: 1, timeMs: NOW, records: [flow('198.51.100.1', '10.0.0.1')] }),
    ]);
    await bench.store.close();
    const db = new Database(join(bench.folder, 'events/events.db'), { nativeBinding: sqliteBinding() });
    db.transaction(() => evict(db, 10))();
    db.close();
    await bench.reopen();
    const left = await bench.store.assets(all);
    expect(left).toMatchObject({ total: 10, known: 10, evicted: 33 });
    expect(left.assets.map(({ sensor, address }) => `${sensor} ${address}`)).toEqual(
      expect.arrayContaining([`${A} 10.0.0.1`, `${B} 10.0.0.1`, `${B} 198.51.100.1`]),
    );
    bench.nowMs = NOW + 86_400_000;
    for (let week = 0; week < 6; week += 1) {
      bench.nowMs += 7 * 86_400_000;
      await bench.store.upkeep();
    }
    expect(await bench.store.assets(all)).toMatchObject({ total: 0, known: 0 });
  } finally {
    await bench.dispose();
  }
});
