import { expect, test } from 'vitest';
import { fleetMessage, openFleetStore } from '../../support/fleet/event-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';
import { wholeAnswer } from '../../support/fleet/whole-answer.ts';

const ALL = { filter: {}, sensors: undefined };
const [A, B] = [testSensorId(0), testSensorId(1)];

function alert(n: number, values: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    event_type: 'alert',
    src_ip: `10.0.0.${String(n % 250)}`,
    dest_ip: '192.0.2.7',
    dns: { rrname: `host${String(n)}.example.org` },
    alert: {
      signature_id: 2_000_000 + (n % 3),
      signature: `ET SCAN number ${String(n % 3)}`,
      severity: 1 + (n % 3),
    },
    ...values,
  };
}

test('stores each message once whatever comes again and in which order, and knows what is missing', async () => {
  const bench = await openFleetStore();
  try {
    const { store } = bench;
    const message = (sequence: number, previous = sequence - 1) => fleetMessage({ sequence, previous });
    expect(await store.insert([1, 2, 3].map((n) => message(n)))).toMatchObject({ records: 3, duplicates: 0 });
    expect(await store.insert([2, 3].map((n) => message(n)))).toMatchObject({ records: 0, duplicates: 2 });
    // 4 to 6 were sent and are not here; 10 follows 6 on the sensor, because 7 to 9 are of a kind that is not sent.
    await store.insert([message(10, 6)]);
    expect((await store.report()).sensors).toMatchObject([{ sensor: A, records: 4, holes: 1 }]);
    await store.insert([message(5)]);
    expect((await store.report()).sensors).toMatchObject([{ holes: 2 }]);
    await store.insert([message(6), message(4), message(10, 6)]);
    expect((await store.report()).sensors).toMatchObject([{ holes: 0, records: 7 }]);
    // The same numbers of a stream that was made anew are others.
    const anew = fleetMessage({ sequence: 1, streamCreated: '2026-02-01T00:00:00Z' });
    expect(await store.insert([anew, anew])).toMatchObject({ records: 1, duplicates: 1 });
    await bench.reopen();
    expect(await bench.store.insert([message(10, 6), anew])).toMatchObject({ records: 0, duplicates: 2 });
    expect((await bench.store.search(ALL, { limit: 100 })).events).toHaveLength(8);
  } finally {
    await bench.dispose();
  }
});

test('finds by words, address, name, signature, severity, sensor and time, in pages, and only what the asker may see', async () => {
  const bench = await openFleetStore();
  try {
    const { store } = bench;
    const from = Date.parse('2026-11-20T10:00:00Z');
    const messages = [A, B].flatMap((sensor) =>
      Array.from({ length: 30 }, (_, n) =>
        fleetMessage({
          ...{ sensor, sequence: n + 1, type: n % 2 === 0 ? 'alert' : 'dns', timeMs: from + n * 60_000 },
          records: [alert(n), alert(n + 100, n === 7 ? { note: 'needle in a haystack' } : {})],
        }),
      ),
    );
    await store.insert(messages);
    const search = async (filter: object, sensors?: string[]) =>
      (await store.search({ filter, sensors }, { limit: 200 })).events;
    expect(await search({})).toHaveLength(120);
    expect(await search({}, [A])).toHaveLength(60);
    expect(await search({ sensors: [B] }, [A])).toHaveLength(0);
    expect(await search({}, [])).toHaveLength(0);
    expect(await search({ text: 'needle hay*' })).toHaveLength(2);
    expect(await search({ address: '10.0.0.3' })).toHaveLength(2);
    expect(await search({ address: '10.0.0.0/24', types: ['alert'] })).toHaveLength(60);
    expect(await search({ name: 'host7.example.org' })).toHaveLength(2);
    expect(await search({ name: '*.example.org', sensors: [B] })).toHaveLength(60);
    expect(await search({ signature: '2000001', severity: 'medium' })).toHaveLength(40);
    expect(await search({ signature: 'scan number 2' }, [A])).toHaveLength(10);
    expect(await search({ since: new Date(from + 28 * 60_000).toISOString() })).toHaveLength(8);
    const pages: string[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await store.search(ALL, { limit: 50, cursor });
      pages.push(...page.events.map(({ id }) => id));
      if (page.cursor === undefined) break;
      cursor = page.cursor;
    }
    expect(new Set(pages).size).toBe(120);
    const cursor = (await store.search(ALL, { limit: 5 })).cursor ?? '';
    await expect(store.search({ ...ALL, sensors: [A] }, { limit: 5, cursor })).rejects.toMatchObject({
      code: 'FLEET_EVENTS_CURSOR_INVALID',
    });
    await expect(search({ address: 'nowhere' })).rejects.toMatchObject({
      code: 'FLEET_EVENTS_FILTER_INVALID',
    });
  } finally {
    await bench.dispose();
  }
});

test('counts over time and by kind, from kept counts and from the index alike', async () => {
  const bench = await openFleetStore();
  try {
    const { store } = bench;
    const from = Date.parse('2026-11-20T10:00:00Z');
    await store.insert(
      [A, B].flatMap((sensor) =>
        Array.from({ length: 60 }, (_, n) =>
          fleetMessage({
            sensor,
            sequence: n + 1,
            type: 'alert',
            timeMs: from + n * 60_000,
            records: [alert(n)],
          }),
        ),
      ),
    );
    const counted = await wholeAnswer(() => store.histogram(ALL, { buckets: 6, by: 'severity' }));
    expect(counted).toMatchObject({ total: 120, complete: true, bucketS: 600 });
    expect(counted.buckets[0]).toMatchObject({ total: 20, counts: { high: 8, medium: 6, low: 6 } });
    const one = await wholeAnswer(() =>
      store.histogram({ filter: {}, sensors: [A] }, { buckets: 6, by: 'sensor' }),
    );
    expect(one.buckets[5]).toMatchObject({ total: 10, counts: { [A]: 10 } });
    const found = await wholeAnswer(() =>
      store.histogram({ filter: { text: 'scan' }, sensors: [A] }, { buckets: 6, by: 'type' }),
    );
    expect(found.buckets.map(({ total }) => total)).toEqual([10, 10, 10, 10, 10, 10]);
    const facets = await wholeAnswer(() => store.facets(ALL, { limit: 5 }));
    expect(facets).toMatchObject({
      types: [{ value: 'alert', count: 120 }],
      sensors: [
        { value: A, count: 60 },
        { value: B, count: 60 },
      ],
      instruments: [{ value: 'suricata', count: 120 }],
      signatures: [{ value: '2000000', label: 'ET SCAN number 0', count: 40 }, { count: 40 }, { count: 40 }],
      sampled: [],
    });
    expect(facets.addresses[0]).toEqual({ value: '192.0.2.7', count: 120 });
    const some = await wholeAnswer(() =>
      store.facets({ filter: { name: 'host5.example.org' }, sensors: undefined }, { limit: 5 }),
    );
    expect(some.sensors).toHaveLength(2);
    expect(some.signatures).toEqual([{ value: '2000002', label: 'ET SCAN number 2', count: 2 }]);
  } finally {
    await bench.dispose();
  }
});

test('people mark events, and find them by their marks', async () => {
  const bench = await openFleetStore();
  try {
    const { store } = bench;
    await store.insert([1, 2, 3].map((sequence) => fleetMessage({ sequence, records: [alert(sequence)] })));
    const { events } = await store.search(ALL, { limit: 10 });
    const by = { id: 'p_1', name: 'Ana' };
    const id = events[1]?.id ?? '';
    expect(await store.mark(id, { owner: by, note: 'a scanner', by, atMs: 1_000 })).toMatchObject({
      owner: by,
      handled: false,
      note: 'a scanner',
    });
    expect(await store.mark(id, { handled: true, by, atMs: 2_000 })).toMatchObject({
      owner: by,
      handled: true,
    });
    expect(await store.event(id)).toMatchObject({ id, mark: { note: 'a scanner', by } });
    const ids = async (filter: object) =>
      (await store.search({ filter, sensors: undefined }, { limit: 10 })).events.map((event) => event.id);
    expect(await ids({ handled: 'yes' })).toEqual([id]);
    expect(await ids({ owner: 'p_1', text: 'scan' })).toEqual([id]);
    expect(await ids({ owner: 'p_2' })).toEqual([]);
    expect(await ids({ handled: 'no' })).toHaveLength(2);
    expect(
      (
        await wholeAnswer(() =>
          store.histogram({ filter: { handled: 'no' }, sensors: undefined }, { buckets: 5, by: 'type' }),
        )
      ).total,
    ).toBe(2);
    expect(await store.mark(id, { owner: null, handled: false, by, atMs: 3_000 })).not.toHaveProperty(
      'owner',
    );
    expect(await store.event('zzzz')).toBeUndefined();
  } finally {
    await bench.dispose();
  }
});

test('drops what is older than its time and the oldest when it is full, counts it, and does not take it in again', async () => {
  const bench = await openFleetStore({ retentionDays: 10 });
  try {
    const { store, keeping } = bench;
    const day = 86_400_000;
    const now = bench.nowMs;
    const old = Array.from({ length: 20 }, (_, n) =>
      fleetMessage({ sequence: n + 1, timeMs: now - (20 - n) * day, receivedAt: now, records: [alert(n)] }),
    );
    await store.insert(old);
    expect(await store.upkeep()).toMatchObject({ expired: 10, evicted: 0 });
    expect(await store.insert(old)).toMatchObject({ records: 0, duplicates: 20 });
    expect((await store.search(ALL, { limit: 100 })).events).toHaveLength(10);
    expect(
      (await store.search({ filter: { text: 'scan' }, sensors: undefined }, { limit: 100 })).events,
    ).toHaveLength(10);
    // A clock that jumps ahead by a year drops a week's worth at most, and says what it does not believe.
    bench.nowMs = now + 365 * day;
    expect(await store.upkeep()).toMatchObject({ expired: 7 });
    expect((await store.upkeep()).doubtedDays).toBeGreaterThan(350);
    bench.nowMs = now;
    expect(await store.upkeep()).toMatchObject({ expired: 0, doubtedDays: 0 });
    keeping.storeMib = 0;
    expect(await store.upkeep()).toMatchObject({ evicted: 3 });
    expect((await store.report()).dropped).toMatchObject({ retention: 17, full: 3, duplicate: 20 });
  } finally {
    await bench.dispose();
  }
});

test('when a person says that the clock is right, ages catch up at once', async () => {
  const bench = await openFleetStore({ retentionDays: 30 });
  const day = 86_400_000;
  const now = bench.nowMs;
  try {
    await bench.store.insert([fleetMessage({ sequence: 1, timeMs: now })]);
    await bench.store.upkeep();
    bench.nowMs = now + 100 * day;
    expect(await bench.store.upkeep()).toMatchObject({ expired: 0 });
    expect((await bench.store.upkeep()).doubtedDays).toBeGreaterThan(90);
    await bench.store.believeClock();
    expect(await bench.store.upkeep()).toMatchObject({ expired: 1, doubtedDays: 0 });
  } finally {
    await bench.dispose();
  }
});
