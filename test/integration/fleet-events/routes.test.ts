import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventPage, EventStatus, FleetEvent } from '@bulkhead/fleet-api';
import { waitFor } from '@bulkhead/platform/kernel';
import { openEventsWeb, type EventsWeb } from '../../support/fleet/events-web.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

const [A, B] = [testSensorId(1), testSensorId(2)];

let fleet: EventsWeb;

beforeAll(async () => {
  fleet = await openEventsWeb({ sensors: [A, B] });
  for (const sensor of fleet.sensors) {
    await sensor.publish(9, (n) => ({
      alert: { signature_id: 7, signature: `rule ${String(n)}`, severity: 1 },
    }));
  }
  await waitFor('all events', 30_000, async () => (await fleet.events.status()).records === 18);
});
afterAll(async () => {
  await fleet.dispose();
});

const ask = (path: string, rights: string, init: RequestInit = {}) => fleet.ask(path, rights, init);
const page = (path: string, rights: string) => fleet.json<EventPage>(path, rights);

test('nobody gets anything without the right, and only what the right is narrowed to', async () => {
  expect((await ask('', 'sensors.read')).status).toBe(403);
  expect((await page('', 'events.read')).events).toHaveLength(18);
  const some = await page('?limit=50', `events.read@${A}`);
  expect(new Set(some.events.map(({ sensor }) => sensor))).toEqual(new Set([A]));
  expect((await page(`?sensors=${B}`, `events.read@${A}`)).events).toEqual([]);
  const counts = await fleet.json<{ total: number }>('/histogram?by=sensor', `events.read@${A}`);
  expect(counts.total).toBe(9);
  const facets = await fleet.json<{ sensors: unknown }>('/facets', `events.read@${A}`);
  expect(facets.sensors).toEqual([{ value: A, count: 9 }]);
  const status = (await (await ask('/status', `events.read@${A}`)).json()) as EventStatus;
  expect(status.sensors).toMatchObject([{ sensor: A, linked: true, records: 9, holes: 0 }]);
  const foreign = (await page(`?sensors=${B}&limit=1`, 'events.read')).events[0]?.id ?? '';
  expect((await ask(`/${foreign}`, `events.read@${A}`)).status).toBe(404);
  expect((await ask(`/${foreign}`, `events.read@${B}`)).status).toBe(200);
  expect((await ask('/zzzzzzzz', 'events.read')).status).toBe(404);
});

test('alerts that wait are counted by where they came from; one that is dealt with is not', async () => {
  type Counts = {
    complete: boolean;
    counts: { sensor: string; instrument: string; severity: string; count: number }[];
  };
  const open = (rights: string, query = '') => fleet.json<Counts>(`/open-alerts${query}`, rights);
  expect((await ask('/open-alerts', 'sensors.read')).status).toBe(403);
  const [one] = (await page('?types=alert&limit=1', `events.read@${A}`)).events;
  const instrument = one?.instrument ?? '';
  const of = (sensor: string, count: number) => ({ sensor, instrument, severity: 'high', count });
  expect(await open(`events.read@${A}`)).toMatchObject({ complete: true, counts: [of(A, 3)] });
  const mark = (handled: boolean) =>
    ask(`/${one?.id ?? ''}/mark`, 'events.read,events.handle', {
      method: 'PATCH',
      body: JSON.stringify({ handled }),
      headers: { 'content-type': 'application/json' },
    });
  expect((await mark(true)).status).toBe(200);
  const both = (await open('events.read')).counts.sort((x, y) => x.count - y.count);
  expect(both).toEqual([of(A, 2), of(B, 3)]);
  expect((await mark(false)).status).toBe(200);
  expect((await open(`events.read@${A}`)).counts).toEqual([of(A, 3)]);
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
  expect((await open('events.read', `?since=${tomorrow}`)).counts).toEqual([]);
});

test('that the clock of the fleet is right is said by who looks after the fleet', async () => {
  const say = (rights: string) => ask('/accept-clock', rights, { method: 'POST' });
  expect((await say('events.read,events.handle')).status).toBe(403);
  const said = await say('settings.manage');
  expect([said.status, await said.json()]).toEqual([200, { accepted: true }]);
  const status = (await (await ask('/status', 'events.read')).json()) as EventStatus;
  expect(status.doubtedDays).toBeUndefined();
});

test('a search by what people type, in parts; a bad one is refused with its place', async () => {
  const found = await page('?types=alert,dns&text=rule%204&severity=high&limit=1', 'events.read');
  expect(found.events).toHaveLength(1);
  const more = await page(
    `?types=alert,dns&text=rule%204&severity=high&limit=1&cursor=${found.cursor ?? ''}`,
    'events.read',
  );
  expect(more).toMatchObject({ events: [{ sensorEventId: 'm4/0', severity: 'high' }], complete: true });
  expect(more.cursor).toBeUndefined();
  for (const bad of [
    '?address=nowhere',
    '?types=ALERT',
    '?since=yesterday',
    '?limit=0',
    '?what=ever',
    '?text=%20',
  ]) {
    const reply = await ask(bad, 'events.read');
    expect(reply.status, bad).toBe(400);
    expect(((await reply.json()) as { fields: { pointer: string } }).fields.pointer).toMatch(/^\//);
  }
});

test('analysts take events on where they may, and everybody sees it', async () => {
  const { id = '' } = (await page(`?sensors=${A}&limit=1`, 'events.read')).events[0] ?? {};
  const change = (rights: string, body: object) =>
    ask(`/${id}/mark`, rights, {
      method: 'PATCH',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
  expect((await change('events.read', { handled: true })).status).toBe(403);
  expect((await change(`events.handle@${B}`, { handled: true })).status).toBe(404);
  expect((await change(`events.handle@${A}`, { handled: 'yes' })).status).toBe(400);
  const marked = await change(`events.handle@${A}`, { owner: 'me', handled: true, note: 'known scanner' });
  expect(await marked.json()).toMatchObject({ owner: { id: 'p_ann', name: 'ann' }, handled: true });
  expect((await page('?handled=yes', 'events.read')).events).toMatchObject([
    { id, mark: { note: 'known scanner' } },
  ]);
  expect((await page('?handled=no&limit=100', 'events.read')).events).toHaveLength(17);
});

test('events come in live, to whom they concern; who comes back gets what came meanwhile', async () => {
  const [first] = fleet.sensors;
  const tail = await openTail('/live?types=dns', `events.read@${A}`);
  const foreign = await openTail('/live', `events.read@${B}`);
  await first?.publish(3, () => ({ live: true }));
  const seen = await tail.events(2);
  expect(seen.every(({ event }) => event.type === 'dns' && event.sensor === A)).toBe(true);
  fleet.rightsChanged();
  await tail.ended;
  await first?.publish(3, () => ({ live: true }));
  await waitFor('the rest', 20_000, async () => (await fleet.events.status()).records === 24);
  const again = await openTail('/live?types=dns', `events.read@${A}`, seen.at(-1)?.id);
  const missed = await again.events(2);
  expect(missed.map(({ event }) => event.record['n'])).toEqual([13, 14]);
  expect(foreign.count()).toBe(0);
  again.close();
  foreign.close();
});

interface Told {
  id: string;
  event: FleetEvent;
}

async function openTail(path: string, rights: string, after?: string) {
  const end = new AbortController();
  const reply = await ask(path, rights, {
    signal: end.signal,
    headers: after === undefined ? {} : { 'last-event-id': after },
  });
  expect(reply.headers.get('content-type')).toContain('text/event-stream');
  const told: Told[] = [];
  const ended = (async () => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of reply.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const [, id = '', data = ''] = /^id: (.*)\nevent: event\ndata: (.*)$/.exec(part) ?? [];
        if (data !== '') told.push({ id, event: JSON.parse(data) as FleetEvent });
      }
    }
  })().catch(() => undefined);
  return {
    ended,
    count: () => told.length,
    events: async (count: number): Promise<Told[]> => {
      await waitFor(`${String(count)} events`, 20_000, () => told.length >= count);
      return told.slice(0, count);
    },
    close: (): void => {
      end.abort();
    },
  };
}
