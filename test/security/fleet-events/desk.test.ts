import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  EventPage,
  EventViewsReply,
  RuleText,
  Suppression,
  SuppressionsReply,
} from '@bulkhead/fleet-api';
import { waitFor } from '@bulkhead/platform/kernel';
import { openEventsWeb, type EventsWeb } from '../../support/fleet/events-web.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

const [A, B] = [testSensorId(1), testSensorId(2)];
const asked: string[] = [];

let fleet: EventsWeb;
beforeAll(async () => {
  fleet = await openEventsWeb({
    sensors: [A, B],
    ruleManagers: {
      instrumentsOf: (sensor) => (sensor === A ? [{ name: 'rules', package: 'rule-manager' }] : []),
      call: async ({ sensor, instrument, person, body }) => {
        asked.push(`${person.name} ${sensor} ${instrument} ${JSON.stringify(body)}`);
        return { status: 200, json: { result: { text: 7 } } };
      },
    },
  });
  for (const sensor of fleet.sensors) {
    await sensor.publish(3, () => ({ alert: { signature_id: 7, signature: 'noise', severity: 1 } }));
  }
  await waitFor('all events', 30_000, async () => (await fleet.events.status()).records === 6);
});
afterAll(async () => {
  await fleet.dispose();
});

const body = (more: object) => ({
  ...{ signature: '7', reason: 'known scanner', expires: new Date(Date.now() + 86_400_000).toISOString() },
  ...more,
});
const list = async (rights: string) =>
  (await fleet.json<SuppressionsReply>('/suppressions', rights)).suppressions;

test('nobody hides alerts of a sensor whose events they may not handle, nor shows them again', async () => {
  const make = async (rights: string, more: object) =>
    fleet.send('POST', '/suppressions', rights, body(more));
  const narrowed = `events.read@${A},events.handle@${A}`;
  expect((await make('events.read', {})).status).toBe(403);
  for (const more of [{}, { sensors: [B] }, { sensors: [A, B] }])
    expect(await make(narrowed, more)).toMatchObject({
      status: 403,
      json: { code: 'FLEET_EVENTS_SUPPRESSION_DENIED' },
    });
  expect(await list('events.read')).toEqual([]);

  const everywhere = (await make('events.read,events.handle', { sensors: [A, B] })).json as Suppression;
  const other = (await make('events.read,events.handle', { sensors: [B] })).json as Suppression;
  // They see what acts on their own sensor, of the other one not even which it is, and take nothing of it back.
  expect(await list(narrowed)).toMatchObject([
    { id: everywhere.id, sensors: [A], elsewhere: 1, mayEnd: false },
  ]);
  const end = async (id: string, rights: string) =>
    (await fleet.send('DELETE', `/suppressions/${id}`, rights)).status;
  expect(await end(everywhere.id, narrowed)).toBe(403);
  expect(await end(other.id, narrowed)).toBe(404);
  expect(await end(other.id, 'events.read')).toBe(403);
  expect((await list('events.read')).map(({ active }) => active)).toEqual([true, true]);
  // What a preview, past occurrences and a search with suppressed ones tell stays within what may be read.
  const preview = await fleet.json('/suppressions/preview?signature=7', narrowed);
  expect(preview).toMatchObject({ alerts: 3, sensors: [{ sensor: A }] });
  expect(await fleet.json('/occurrences?signature=7', narrowed)).toMatchObject({ total: 3 });
  for (const { id } of [everywhere, other]) expect(await end(id, 'events.read,events.handle')).toBe(200);
});

test('a saved view belongs to who made it; only operators share, and only its owner or an administrator removes', async () => {
  const save = async (rights: string, shared: boolean, person: string, name = 'mine') =>
    fleet.send('POST', '/views', rights, { name, search: { text: '<b>x' }, shared }, person);
  const views = async (person: string) =>
    (await fleet.json<EventViewsReply>('/views', 'events.read', { person })).views;
  expect((await save('events.read', true, 'p_ann')).status).toBe(403);
  expect((await save('sensors.read', false, 'p_ann')).status).toBe(403);
  expect((await save('events.read', false, 'p_ann')).status).toBe(200);
  expect(await views('p_bob')).toEqual([]);
  const [own] = await views('p_ann');
  const drop = async (id: string, rights: string, person: string) =>
    (await fleet.send('DELETE', `/views/${id}`, rights, undefined, person)).status;
  expect(await drop(own?.id ?? '', 'events.read,settings.manage', 'p_bob')).toBe(404);
  // Of the same name, and yet another's.
  await save('events.read,sensors.operate', true, 'p_bob');
  expect((await views('p_ann')).map(({ own: isOwn, shared }) => [isOwn, shared]).sort()).toEqual([
    [false, true],
    [true, false],
  ]);
  const shared = (await views('p_bob')).at(0)?.id ?? '';
  expect(await drop(shared, 'events.read', 'p_ann')).toBe(403);
  expect(await drop(shared, 'events.read,settings.manage', 'p_ann')).toBe(200);
  const bad = { name: 'x', search: { sql: 'DROP' }, shared: false };
  expect((await fleet.send('POST', '/views', 'events.read', bad)).status).toBe(400);
});

test('the rule of an alert is asked for only by who may open the rule manager there, and a wrong answer shows nothing', async () => {
  const page = await fleet.json<EventPage>('?types=alert&limit=10', 'events.read');
  const of = (sensor: string) => page.events.find((event) => event.sensor === sensor)?.id ?? '';
  const rule = async (id: string, rights: string) => fleet.json<RuleText>(`/${id}/rule`, rights);
  expect(await rule(of(A), `events.read@${A}`)).toMatchObject({ state: 'not-permitted' });
  expect(await rule(of(A), `events.read,instruments.open@${A}/suricata`)).toMatchObject({
    state: 'not-permitted',
  });
  expect(await rule(of(B), 'events.read,instruments.open')).toMatchObject({ state: 'no-rule-manager' });
  expect((await fleet.ask(`/${of(B)}/rule`, `events.read@${A},instruments.open`)).status).toBe(404);
  expect(asked).toEqual([]);
  expect(await rule(of(A), `events.read,instruments.open@${A}/rules`)).toMatchObject({ state: 'failed' });
  expect(asked).toEqual([`ann ${A} rules {"sid":7}`]);
});
