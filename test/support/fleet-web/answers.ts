import {
  AttentionReplySchema,
  EventFacetsSchema,
  EventHistogramSchema,
  EventPageSchema,
  EventStatusSchema,
  GroupsReplySchema,
  OpenAlertsSchema,
  PeopleReplySchema,
  SensorBriefsReplySchema,
  SensorsReplySchema,
  SessionStateSchema,
  type AttentionItem,
  type Role,
} from '@bulkhead/fleet-api';
import { ok, refused, type Answer, type Asked } from './answer.ts';
import { ofEventDesk } from './event-desk.ts';
import { eventAt, facets, histogram, openAlerts } from './events.ts';
import { ofData } from './data-answers.ts';
import { AUDIT, meAs, PEOPLE } from './people.ts';
import { briefsOf } from './sensor-briefs.ts';
import { ofSensor } from './sensor-answers.ts';
import { ofSettings } from './settings-answers.ts';
import { ago, GROUPS, SENSORS } from './sensors.ts';

/** How the fixture stands; tests change it. */
export interface FixtureState {
  setUpNeeded: boolean;
  signedIn: boolean;
  role: Role;
  sso: boolean;
  totp: boolean;
  sensors: 'some' | 'none';
  /** How many events went out live; they are counted like others. */
  streamed: number;
}

const ATTENTION: AttentionItem[] = [
  {
    id: 'blind:ward-four',
    severity: 'critical',
    title: 'ward-four does not see',
    text: 'The detection check on span-b did not come back: its instruments may see nothing. See whether the mirror port of the switch still copies to it.',
    sensor: SENSORS[2]?.id,
    since: ago(700),
    link: `/sensors/${SENSORS[2]?.id ?? ''}`,
  },
  {
    id: 'offline:gate',
    severity: 'critical',
    title: 'gate is offline',
    text: 'It was last heard 2 hours ago. It goes on watching and recording by itself; what it recorded arrives when it is back.',
    sensor: SENSORS[3]?.id,
    since: ago(9_400),
    link: `/sensors/${SENSORS[3]?.id ?? ''}`,
  },
  {
    id: 'certificate:lab',
    severity: 'warning',
    title: 'The certificate of the web address ends in 12 days',
    text: 'It was given to fleetd as a file; put a new one in its place.',
    since: ago(80_000),
    link: '/settings',
  },
  {
    id: 'return:boiler',
    severity: 'info',
    title: 'boiler asks to come back',
    text: 'Its certificate expired while it was away. Confirm that it is the same machine, or refuse it.',
    sensor: SENSORS[5]?.id,
    since: ago(300),
    link: `/sensors/${SENSORS[5]?.id ?? ''}`,
  },
];

/** Answers as fleetd does; replies are held against the schemas, so that the fixture cannot drift away from them. */
export function answer(asked: Asked, state: FixtureState): Answer | undefined {
  const { method, path } = asked;
  if (path === '/session') return session(asked, state);
  if (path === '/session/set-up' && method === 'POST') {
    state.setUpNeeded = false;
    state.signedIn = true;
    return ok(meAs(state.role));
  }
  if (path === '/about')
    return ok({
      product: 'bulkhead',
      version: '0.1.0',
      api: 1,
      baseDomain: 'localhost',
      setUpNeeded: state.setUpNeeded,
    });
  if (path === '/health') return ok({ state: 'ok' });
  if (!state.signedIn) return refused(401, 'FLEET_PEOPLE_NOT_SIGNED_IN', 'Nobody is signed in.', 'Sign in.');
  const own = ofSettings(asked, state.sensors === 'none');
  if (own !== undefined) return own;
  const data = ofData(asked, state.sensors === 'none');
  if (data !== undefined) return data;
  const events = ofEventDesk(asked);
  if (events !== undefined) return events;
  return ofFleet(asked, state) ?? ofSensor(asked) ?? (method === 'GET' ? undefined : ok({ done: true }));
}

function session({ method, body }: Asked, state: FixtureState) {
  if (method === 'DELETE') {
    state.signedIn = false;
    return ok({ done: true });
  }
  if (method === 'POST') {
    const { password, code } = body as { password?: string; code?: string };
    if (password !== 'correct horse battery') {
      return refused(
        401,
        'FLEET_PEOPLE_WRONG',
        'Name or password is wrong.',
        'After five wrong attempts one must wait.',
      );
    }
    if (state.totp && code === undefined) {
      return refused(401, 'FLEET_PEOPLE_CODE_NEEDED', 'A second factor is set.', 'Send the code as well.');
    }
    state.signedIn = true;
    return ok(meAs(state.role));
  }
  return ok(
    SessionStateSchema.parse({
      setUpNeeded: state.setUpNeeded,
      sso: state.sso ? { label: 'Example University' } : null,
      person: state.signedIn ? meAs(state.role) : null,
    }),
  );
}

function ofFleet({ method, path, query, body }: Asked, state: FixtureState) {
  switch (`${method} ${path}`) {
    case 'GET /attention':
      return ok(AttentionReplySchema.parse({ items: state.sensors === 'none' ? [] : ATTENTION }));
    case 'GET /sensors':
      return ok(SensorsReplySchema.parse({ sensors: state.sensors === 'none' ? [] : SENSORS }));
    case 'GET /sensors/status': {
      const heard = SENSORS.filter(({ state: one }) => one === 'active');
      return ok(
        SensorBriefsReplySchema.parse({
          at: new Date().toISOString(),
          sensors: state.sensors === 'none' ? [] : briefsOf(heard),
        }),
      );
    }
    case 'GET /groups':
      return ok(GroupsReplySchema.parse({ groups: state.sensors === 'none' ? [] : GROUPS }));
    case 'GET /adoption-codes':
      return ok({
        codes: [
          {
            id: 'c_abcdefghijklmnop',
            createdAt: ago(200),
            createdBy: 'anna',
            expiresAt: ago(-3_400),
            name: 'ward-five',
          },
        ],
      });
    case 'POST /adoption-codes':
      return ok({
        id: 'c_abcdefghijklmnop',
        createdAt: new Date().toISOString(),
        createdBy: 'anna',
        expiresAt: ago(-3_600),
        code: 'K7QF-2MXD-9HTW',
        joinToken: 'x',
        command:
          "bulkhead fleet join 'K7QF-2MXD-9HTW@fleet.example.org:8443#Zk3pQ0v7u2bYx8mN1rT5wE6sD4aF9hJ0kL2zX7cV1bQ'",
        fingerprint: 'Zk3pQ0v7u2bYx8mN1rT5wE6sD4aF9hJ0kL2zX7cV1bQ',
      });
    case 'POST /sensors/bulk': {
      const { sensors } = body as { sensors: string[] };
      return ok({
        outcomes: sensors.map((id) => ({
          sensor: id,
          name: SENSORS.find((one) => one.id === id)?.name ?? id,
          state: 'waiting',
          detail: 'offline',
        })),
      });
    }
    case 'GET /events': {
      const from = Number(query.get('cursor') ?? 0);
      const events = Array.from({ length: 50 }, (_, index) => eventAt(from + index)).filter(
        ({ severity }) => query.get('severity') === null || severity !== 'info',
      );
      return ok(EventPageSchema.parse({ events, cursor: String(from + 50), complete: true }));
    }
    case 'GET /events/histogram':
      return ok(EventHistogramSchema.parse(histogram(query, state.streamed)));
    case 'GET /events/open-alerts':
      return ok(OpenAlertsSchema.parse(openAlerts()));
    case 'GET /events/facets':
      return ok(EventFacetsSchema.parse(facets(query, state.streamed)));
    case 'GET /events/status':
      return ok(
        EventStatusSchema.parse({
          records: 1_203_112,
          bytes: 1_900_000_000,
          storeMib: 4_096,
          retentionDays: 30,
          oldest: ago(2_500_000),
          newest: ago(2),
          dropped: { retention: 11_200, duplicate: 0 },
          sensors: SENSORS.slice(0, 4).map(({ id, attached }, index) => ({
            sensor: id,
            linked: attached,
            records: 300_000 - index * 50_000,
            newest: ago(index * 900),
            holes: index === 3 ? 2 : 0,
            droppedBySensor: 0,
          })),
        }),
      );
    case 'GET /people':
      return ok(PeopleReplySchema.parse({ people: PEOPLE }));
    case 'GET /audit':
      return ok({ entries: AUDIT, next: 470 });
    case 'GET /audit/check':
      return ok({ whole: true, entries: 500, fault: null, head: 'q'.repeat(43) });
    case 'GET /session/list':
      return ok({
        sessions: [
          {
            id: 'e_abcdefghijklmnop',
            current: true,
            how: 'password',
            instrumentOrigin: null,
            address: '198.51.100.20',
            agent: 'Mozilla/5.0 Chrome/140.0',
            createdAt: ago(4_000),
            lastSeenAt: ago(1),
            expiresAt: ago(-40_000),
          },
          {
            id: 'e_bbbbbbbbbbbbbbbb',
            current: false,
            how: 'password',
            instrumentOrigin: 'http://rule-manager.lab.localhost:8443',
            address: '198.51.100.21',
            agent: 'Mozilla/5.0 Firefox/143.0',
            createdAt: ago(9_000),
            lastSeenAt: ago(800),
            expiresAt: ago(-30_000),
          },
        ],
      });
    case 'GET /tokens':
      return ok({
        tokens: [
          {
            id: 't_abcdefghijklmnop',
            owner: 'p_abcdefghijklmnop',
            ownerName: 'anna',
            label: 'nightly export',
            rights: ['events.read'],
            createdAt: ago(90_000),
            expiresAt: ago(-900_000),
            lastUsedAt: ago(30_000),
            lastUsedFrom: '198.51.100.9',
          },
        ],
      });
    default:
      return undefined;
  }
}
