import {
  ClockAcceptedSchema,
  EventFacetsQuerySchema,
  EventFacetsSchema,
  EventHistogramQuerySchema,
  EventHistogramSchema,
  EventLiveQuerySchema,
  EventMarkChangeSchema,
  EventMarkSchema,
  EventPageSchema,
  EventParamsSchema,
  EventSearchQuerySchema,
  EventStatusSchema,
  FleetEventSchema,
  OpenAlertsQuerySchema,
  OpenAlertsSchema,
  type EventStatus,
} from '@bulkhead/fleet-api';
import type { FleetApp, Person } from '../web/index.ts';
import type { Suppressions } from './desk/suppressions.ts';
import { eventFor, readable } from './judging.ts';
import type { LiveEvents } from './live.ts';
import type { FleetEventStore } from './store/event-store.ts';
import { hourOf } from './store/open-alerts.ts';

/** What the routes are about. */
export interface EventRoutesParts {
  store: () => FleetEventStore;
  live: LiveEvents;
  status: () => Promise<EventStatus>;
  /** A person says that the clock is right. */
  acceptClock: () => Promise<void>;
  suppressions: Pick<Suppressions, 'acting' | 'covering'>;
}

const TAGS = ['events'];
const DAY_MS = 86_400_000;

/** Questions about events, of all sensors whose events the asker may read. */
export function eventRoutes(app: FleetApp, parts: EventRoutesParts): void {
  const { store, live, status, suppressions } = parts;
  const question = async (person: Person | undefined, filter: object) => ({
    filter,
    sensors: await readable(store(), person),
    suppressions: suppressions.acting(),
  });
  app.get(
    '/api/v1/events',
    {
      config: { right: 'events.read', audit: 'events.search' },
      schema: {
        summary: 'Search, the newest first',
        tags: TAGS,
        querystring: EventSearchQuerySchema,
        response: { 200: EventPageSchema },
      },
    },
    async ({ person, query: { limit, cursor, ...filter } }) =>
      store().search(await question(person, filter), { limit, cursor }),
  );
  app.get(
    '/api/v1/events/histogram',
    {
      config: { right: 'events.read' },
      schema: {
        summary: 'How many there are, over time',
        tags: TAGS,
        querystring: EventHistogramQuerySchema,
        response: { 200: EventHistogramSchema },
      },
    },
    async ({ person, query: { buckets, by, ...filter } }) =>
      store().histogram(await question(person, filter), { buckets, by }),
  );
  app.get(
    '/api/v1/events/facets',
    {
      config: { right: 'events.read' },
      schema: {
        summary: 'Which values are frequent',
        tags: TAGS,
        querystring: EventFacetsQuerySchema,
        response: { 200: EventFacetsSchema },
      },
    },
    async ({ person, query: { limit, ...filter } }) =>
      store().facets(await question(person, filter), { limit }),
  );
  app.get(
    '/api/v1/events/open-alerts',
    {
      config: { right: 'events.read' },
      schema: {
        summary: 'How many alerts wait for somebody, by where they came from',
        tags: TAGS,
        querystring: OpenAlertsQuerySchema,
        response: { 200: OpenAlertsSchema },
      },
    },
    async ({ person, query }) => {
      const sinceMs = query.since === undefined ? Date.now() - DAY_MS : Date.parse(query.since);
      const filter = { types: ['alert'], severity: 'low', since: hourOf(sinceMs) } as const;
      return store().openAlerts(await question(person, filter));
    },
  );
  app.get(
    '/api/v1/events/live',
    {
      config: { right: 'events.read', audit: 'events.live' },
      exposeHeadRoute: false,
      schema: {
        summary: 'What comes in, as Server-Sent Events: `event` with a FleetEvent, `skipped` with a number',
        tags: TAGS,
        produces: ['text/event-stream'],
        querystring: EventLiveQuerySchema,
      },
    },
    async ({ person, query, headers }, reply) => {
      if (person === undefined) return reply.code(401).send();
      const after = headers['last-event-id'];
      return reply
        .type('text/event-stream')
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no')
        .send(live.open(person, query, typeof after === 'string' ? after : undefined));
    },
  );
  app.get(
    '/api/v1/events/status',
    {
      config: { right: 'events.read' },
      schema: {
        summary: 'What the store holds, and how sensors bring it',
        tags: TAGS,
        response: { 200: EventStatusSchema },
      },
    },
    async ({ person }) => {
      const all = await status();
      return { ...all, sensors: all.sensors.filter(({ sensor }) => person?.may('events.read', sensor)) };
    },
  );
  app.post(
    '/api/v1/events/accept-clock',
    {
      config: { right: 'settings.manage', audit: 'events.accept-clock' },
      schema: {
        summary:
          'Confirm that the clock of the fleet is right: events grow old by the days that were doubted',
        tags: TAGS,
        response: { 200: ClockAcceptedSchema },
      },
    },
    async () => {
      await parts.acceptClock();
      return { accepted: true as const };
    },
  );
  app.get(
    '/api/v1/events/:id',
    {
      config: { right: 'events.read', audit: 'events.view' },
      schema: {
        summary: 'One event',
        tags: TAGS,
        params: EventParamsSchema,
        response: { 200: FleetEventSchema },
      },
    },
    async ({ person, params }) => {
      const event = await eventFor(store(), person, params.id, 'events.read');
      const suppressed = suppressions.covering(event);
      return suppressed === undefined ? event : { ...event, suppressed };
    },
  );
  app.patch(
    '/api/v1/events/:id/mark',
    {
      config: { right: 'events.handle', judgesEach: true, audit: 'events.mark' },
      schema: {
        summary: 'Take an event on, say that it is dealt with, note something',
        tags: TAGS,
        params: EventParamsSchema,
        body: EventMarkChangeSchema,
        response: { 200: EventMarkSchema },
      },
    },
    async ({ person, params, body }) => {
      const { id } = await eventFor(store(), person, params.id, 'events.handle');
      const by = { id: person?.id ?? '', name: person?.name ?? '' };
      const owner = body.owner === 'me' ? by : body.owner;
      return store().mark(id, { ...body, owner, by, atMs: Date.now() });
    },
  );
}
