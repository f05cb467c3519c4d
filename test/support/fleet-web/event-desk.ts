import {
  EventViewsReplySchema,
  FleetEventSchema,
  OccurrencesSchema,
  RuleTextSchema,
  SuppressionPreviewSchema,
  SuppressionSchema,
  SuppressionsReplySchema,
} from '@bulkhead/fleet-api';
import { ok, type Answer, type Asked } from './answer.ts';
import { eventAt } from './events.ts';
import { ago, LAB, SENSORS } from './sensors.ts';

const SUPPRESSION = {
  id: 'x_abcdefghijklmnop',
  signature: '2013028',
  text: 'ET POLICY curl User-Agent Outbound',
  address: '10.20.3.0/24',
  side: 'source',
  sensors: [LAB],
  elsewhere: 1,
  by: { id: 'p_abcdefghijklmnop', name: 'Anna Berg' },
  at: ago(90_000),
  reason: 'the update server of the ward',
  expires: ago(-900_000),
  active: true,
  hits: 1_204,
  lastHit: ago(40),
  mayEnd: true,
};
const ENDED = {
  ...SUPPRESSION,
  id: 'x_bbbbbbbbbbbbbbbb',
  active: false,
  mayEnd: false,
  ended: { by: { id: 'p_b', name: 'Ben Ott' }, at: ago(4_000) },
};
const VIEWS = [
  {
    ...{ id: 'v_abcdefghijklmnop', name: 'High alerts of today', shared: true, owner: 'Ben Ott', own: false },
    ...{ mayRemove: false, at: ago(90_000), search: { severity: 'high', range: '24h' } },
  },
  {
    ...{ id: 'v_bbbbbbbbbbbbbbbb', name: 'My open ones', shared: false, owner: 'Anna Berg', own: true },
    ...{ mayRemove: true, at: ago(9_000), search: { handled: 'no', range: '7d' } },
  },
];
const RULE =
  'alert dns $HOME_NET any -> any any (msg:"ET MALWARE Observed DNS Query to known bad domain"; dns.query; content:"bad.example"; sid:2027865; rev:3;)';

/** What surrounds alerts, and what people made of them. */
export function ofEventDesk({ method, path, query }: Asked): Answer | undefined {
  switch (`${method} ${path}`) {
    case 'GET /events/suppressions':
      return ok(SuppressionsReplySchema.parse({ suppressions: [SUPPRESSION, ENDED] }));
    case 'POST /events/suppressions':
      return ok(SuppressionSchema.parse(SUPPRESSION));
    case 'GET /events/suppressions/preview':
      return ok(
        SuppressionPreviewSchema.parse({
          ...{ since: ago(604_800), alerts: 412, hidden: query.get('address') === null ? 412 : 61 },
          ...{ complete: true, worst: 'high', sensors: [{ sensor: LAB, hidden: 61 }] },
          examples: [eventAt(0), eventAt(4)],
        }),
      );
    case 'GET /events/views':
      return ok(EventViewsReplySchema.parse({ views: VIEWS }));
    case 'POST /events/views':
      return ok(VIEWS[1]);
    case 'GET /events/occurrences':
      return ok(
        OccurrencesSchema.parse({
          ...{ signature: query.get('signature') ?? '', since: ago(2_592_000), total: 214 },
          ...{ first: ago(2_000_000), last: ago(300) },
          sensors: SENSORS.slice(0, 3).map(({ id }, index) => ({
            ...{ sensor: id, count: 120 - index * 40, first: ago(2_000_000), last: ago(300) },
          })),
          days: Array.from({ length: 30 }, (_, day) => (day % 4 === 0 ? 0 : (day * 7) % 19)),
        }),
      );
    default: {
      const [, asked = ''] =
        /^\/sensors\/s_[a-z2-7]{16}\/api\/v1(\/(?:dns\/lookup|search))$/.exec(path) ?? [];
      const own = method === 'GET' ? ofSensorEvents(asked, query) : undefined;
      if (own !== undefined) return ok(own);
      return method === 'DELETE' && /^\/events\/(?:suppressions|views)\//.test(path)
        ? ok({ done: true })
        : ofOne(method, path);
    }
  }
}

function ofOne(method: string, path: string): Answer | undefined {
  const [, n, rest] = /^\/events\/e(\d+)x\d+(\/rule)?$/.exec(path) ?? [];
  if (method === 'GET' && rest === '/rule') {
    return ok(
      RuleTextSchema.parse({
        ...{
          state: 'found',
          instrument: 'rule-manager',
          text: RULE,
          source: 'et/open',
          rev: 3,
          enabled: true,
        },
        ...{ message: 'As it is on this sensor now.', references: ['url,example.org/bad'], suppressions: 0 },
      }),
    );
  }
  if (method === 'GET' && n !== undefined) return ok(FleetEventSchema.parse(eventAt(Number(n))));
  return undefined;
}

/** A sensor's own answers about addresses and from its own store; below its `/api/v1`. */
function ofSensorEvents(path: string, query: URLSearchParams): unknown {
  if (path === '/dns/lookup') {
    const address = query.get('query') ?? '';
    const seconds = Math.floor(Date.now() / 1000);
    const name = (rrname: string, count: number) => ({
      ...{ rrname, rrtype: 'A', rdata: address, count },
      ...{ time_first: seconds - 900_000, time_last: seconds - 600 },
    });
    return {
      instrument: 'passive-dns',
      records: address.startsWith('10.') ? [name('desk-7.ward.example', 31)] : [],
      more: false,
    };
  }
  if (path === '/search') {
    return {
      events: [eventAt(3), eventAt(7)].map(({ sensorEventId, ...one }) => ({ ...one, id: sensorEventId })),
    };
  }
  return undefined;
}
