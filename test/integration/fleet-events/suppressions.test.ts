import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  EventFacets,
  EventHistogram,
  EventPage,
  FleetEvent,
  Occurrences,
  Suppression,
  SuppressionPreview,
  SuppressionsReply,
} from '@bulkhead/fleet-api';
import { waitFor } from '@bulkhead/platform/kernel';
import { openEventsWeb, type EventsWeb } from '../../support/fleet/events-web.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

const [A, B] = [testSensorId(1), testSensorId(2)];
const DAY_MS = 86_400_000;

let fleet: EventsWeb;
const told: FleetEvent[] = [];

/** One alert of each three messages: 7 from 10.0.0.<n> to 192.0.2.9, the others of signature 8. */
const alerts = (n: number) => ({
  src_ip: `10.0.0.${String(n)}`,
  dest_ip: '192.0.2.9',
  alert: {
    signature_id: n % 2 === 0 ? 7 : 8,
    signature: n % 2 === 0 ? 'noisy <img src=x>' : 'quiet',
    severity: 1,
  },
});
/** 24 messages are 8 alerts of each sensor, 4 of them of signature 7: n = 0, 6, 12, 18. */
const MESSAGES = 24;

beforeAll(async () => {
  fleet = await openEventsWeb({ sensors: [A, B] });
  fleet.events.onEvent((event) => told.push(event));
  await bring();
});
afterAll(async () => {
  await fleet.dispose();
});

let brought = 0;
async function bring(): Promise<void> {
  for (const sensor of fleet.sensors) {
    const before = sensor.published;
    await sensor.publish(MESSAGES, (n) => (n % 3 === 0 ? alerts(n - before) : {}));
  }
  brought += 2 * MESSAGES;
  await waitFor('all events', 30_000, async () => (await fleet.events.status()).records === brought);
}

const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();
const found = async (query: string) =>
  (await fleet.json<EventPage>(`?types=alert&limit=200&${query}`, 'events.read')).events;
const suppress = async (body: object, rights = 'events.handle,events.read') => {
  const reply = await fleet.send('POST', '/suppressions', rights, {
    ...{ expires: inDays(1), reason: 'known scanner' },
    ...body,
  });
  return { ...reply, suppression: reply.json as Suppression };
};
const end = async (id: string) => fleet.send('DELETE', `/suppressions/${id}`, 'events.handle,events.read');
const list = async (rights = 'events.read,events.handle') =>
  (await fleet.json<SuppressionsReply>('/suppressions', rights)).suppressions;

// One step builds on the one before.
test('what is suppressed is hidden and marked, stays in the store, is counted, and shows again when it is over', async () => {
  expect(await found('')).toHaveLength(16);
  const made = await suppress({ signature: '7' });
  expect(made).toMatchObject({
    status: 200,
    json: { text: 'noisy <img src=x>', active: true, hits: 0, side: 'either', by: { name: 'ann' } },
  });
  const { id } = made.suppression;
  expect((await found('')).map(({ suppressed }) => suppressed)).toEqual(Array(8).fill(undefined));
  expect((await found('suppressed=show')).filter(({ suppressed }) => suppressed === id)).toHaveLength(8);
  expect(await found('suppressed=only')).toHaveLength(8);
  const [hidden] = await found('suppressed=only');
  expect(await fleet.json<FleetEvent>(`/${hidden?.id ?? ''}`, 'events.read')).toMatchObject({
    suppressed: id,
  });

  const counts = await fleet.json<EventHistogram>('/histogram', 'events.read');
  expect(counts).toMatchObject({ total: brought - 8, suppressed: 8, complete: true });
  const high = counts.buckets.reduce((sum, bucket) => sum + (bucket.counts['high'] ?? 0), 0);
  expect(high).toBe(8);
  expect(await fleet.json('/histogram?suppressed=show', 'events.read')).toMatchObject({ total: brought });
  const facets = await fleet.json<EventFacets>('/facets', 'events.read');
  expect(facets.signatures.map(({ value }) => value)).toEqual(['8']);

  const before = told.length;
  await bring();
  const came = told.slice(before).filter(({ type }) => type === 'alert');
  expect(came.filter(({ suppressed }) => suppressed === id)).toHaveLength(8);
  expect(came.filter(({ suppressed }) => suppressed === undefined)).toHaveLength(8);
  expect(await list()).toMatchObject([{ id, hits: 8, mayEnd: true }]);
  expect(await list(`events.read@${A}`)).toMatchObject([{ id, hits: 4, mayEnd: false }]);

  expect((await end(id)).status).toBe(200);
  expect(await found('')).toHaveLength(32);
  expect(await found('suppressed=only')).toEqual([]);
  expect(await list()).toMatchObject([{ id, active: false, ended: { by: { name: 'ann' } } }]);
});

test('a suppression reaches as far as it says: an address at one end, a network, some sensors; a preview says how far', async () => {
  const preview = async (query: string) =>
    fleet.json<SuppressionPreview>(`/suppressions/preview?signature=7&${query}`, 'events.read');
  expect(await preview('')).toMatchObject({ alerts: 16, hidden: 16, complete: true, worst: 'high' });
  const one = await preview(`address=10.0.0.6&side=source&sensors=${B}`);
  expect(one).toMatchObject({ alerts: 8, hidden: 2, sensors: [{ sensor: B, hidden: 2 }] });
  expect(one.examples).toMatchObject([{ record: { src_ip: '10.0.0.6' } }, { sensor: B }]);
  expect(await preview('address=10.0.0.6&side=destination')).toMatchObject({ hidden: 0 });
  expect(await preview('address=10.0.0.0/29')).toMatchObject({ hidden: 8 });
  expect(await preview('address=192.0.2.0/24&side=destination')).toMatchObject({ hidden: 16 });

  const made = await suppress({ signature: '7', address: '10.0.0.0/29', side: 'source', sensors: [A] });
  const hidden = await found('suppressed=only');
  expect(hidden.map(({ sensor, record }) => `${sensor} ${String(record['src_ip'])}`).sort()).toEqual(
    ['10.0.0.0', '10.0.0.0', '10.0.0.6', '10.0.0.6'].map((address) => `${A} ${address}`),
  );
  expect(await found('signature=7')).toHaveLength(12);
  expect(await fleet.json('/histogram', 'events.read')).toMatchObject({ suppressed: 4 });
  await end(made.suppression.id);
});

test('pages go on where they stopped, whatever is suppressed meanwhile', async () => {
  const rest = '?types=alert&limit=10';
  const first = await fleet.json<EventPage>(rest, 'events.read');
  const made = await suppress({ signature: '8' });
  const second = await fleet.json<EventPage>(`${rest}&cursor=${first.cursor ?? ''}`, 'events.read');
  expect(
    second.events.every(({ record }) => (record['alert'] as { signature_id: number }).signature_id === 7),
  ).toBe(true);
  const ids = [...first.events, ...second.events].map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  await end(made.suppression.id);
});

test('what cannot be is refused with its place; what is over acts no more, also when nobody looked', async () => {
  for (const [body, pointer] of [
    [{ signature: 'x' }, '/body/signature'],
    [{ signature: '7', address: 'nowhere' }, '/body/address'],
    [{ signature: '7', expires: inDays(-1) }, '/body/expires'],
    [{ signature: '7', expires: inDays(400) }, '/body/expires'],
    [{ signature: '7', reason: 'a\nb c' }, '/body/reason'],
    [{ signature: '7', sensors: [] }, '/body/sensors'],
  ] as const) {
    expect(await suppress(body), pointer).toMatchObject({ status: 400, json: { fields: { pointer } } });
  }
  let made: Awaited<ReturnType<typeof suppress>>;
  let hidden: FleetEvent[];
  let expires: number;
  let lastsMs = 2_000;
  // Seen while it lasts, however slow this machine is.
  do {
    expires = Date.now() + lastsMs;
    made = await suppress({ signature: '7', expires: new Date(expires).toISOString() });
    hidden = await found('suppressed=only');
    lastsMs *= 3;
  } while (Date.now() >= expires);
  expect(hidden).toHaveLength(16);
  await waitFor('its end', 60_000, async () => (await found('suppressed=only')).length === 0);
  expect((await list()).find(({ id }) => id === made.suppression.id)).toMatchObject({ active: false });
  expect((await end('x_aaaaaaaaaaaaaaaa')).status).toBe(404);
});

test('how often a signature was seen before, as far as one may see', async () => {
  const of = async (rights: string, signature = '7') =>
    fleet.json<Occurrences>(`/occurrences?signature=${signature}`, rights);
  const all = await of('events.read');
  expect(all).toMatchObject({ text: 'noisy <img src=x>', total: 16 });
  expect(all.days).toHaveLength(30);
  expect(all.days.reduce((sum, n) => sum + n, 0)).toBe(16);
  expect(all.sensors.map(({ sensor, count }) => [sensor, count])).toEqual([
    [A, 8],
    [B, 8],
  ]);
  const { events } = await fleet.json<EventPage>('?signature=7&limit=200', 'events.read');
  expect([all.last, all.first]).toEqual([events.at(0)?.time, events.at(-1)?.time]);
  expect(await of(`events.read@${A}`)).toMatchObject({ total: 8, sensors: [{ sensor: A }] });
  expect(await of('events.read', '12345')).toMatchObject({ total: 0, sensors: [] });
});

test('what a search finds is taken away as lines, whole or cut and then said so', async () => {
  const lines = async (query: string) => {
    const reply = await fleet.ask(`/export?${query}`, `events.read@${A}`);
    expect(reply.headers.get('content-type')).toContain('application/x-ndjson');
    return (await reply.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as FleetEvent & { cut?: boolean; records?: number });
  };
  const all = await lines('types=alert,dns');
  expect(all).toHaveLength(brought / 2);
  expect(all.every(({ sensor }) => sensor === A)).toBe(true);
  const some = await lines('types=alert&most=3');
  expect(some).toHaveLength(4);
  expect(some.at(-1)).toEqual({ cut: true, records: 3 });
  expect((await fleet.ask('/export?address=nowhere', 'events.read')).status).toBe(400);
  expect((await fleet.ask('/export', 'sensors.read')).status).toBe(403);
});
