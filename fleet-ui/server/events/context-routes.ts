import {
  EventExportQuerySchema,
  EventParamsSchema,
  OccurrencesQuerySchema,
  OccurrencesSchema,
  RuleTextSchema,
} from '@bulkhead/fleet-api';
import type { FleetApp } from '../web/index.ts';
import type { Suppressions } from './desk/suppressions.ts';
import { Exports } from './export.ts';
import { eventFor, readable } from './judging.ts';
import { ruleTextFor, type RuleManagers } from './rule-text.ts';
import type { FleetEventStore } from './store/event-store.ts';

export interface ContextRoutesParts {
  store: () => FleetEventStore;
  suppressions: Pick<Suppressions, 'acting'>;
  ruleManagers: RuleManagers;
}

const TAGS = ['events'];
const DAY_MS = 86_400_000;

/** What surrounds one alert: how often it happened before, the rule that raised it; and what is found, to take away. */
export function contextRoutes(
  app: FleetApp,
  { store, suppressions, ruleManagers }: ContextRoutesParts,
): void {
  const exports = new Exports();
  app.get(
    '/api/v1/events/occurrences',
    {
      config: { right: 'events.read' },
      schema: {
        summary: 'How often a signature was seen before, and where',
        tags: TAGS,
        querystring: OccurrencesQuerySchema,
        response: { 200: OccurrencesSchema },
      },
    },
    async ({ person, query: { signature, days } }) => {
      const nowMs = Date.now();
      const sensors = await readable(store(), person);
      return store().occurrences({ signature, sensors, nowMs, sinceMs: nowMs - days * DAY_MS });
    },
  );
  app.get(
    '/api/v1/events/export',
    {
      config: { right: 'events.read', audit: 'events.export' },
      exposeHeadRoute: false,
      schema: {
        summary: 'What a search finds as NDJSON, the newest first',
        description:
          'At most 100,000 events; when there are more, the last line is `{"cut":true,"records":…}`.',
        tags: TAGS,
        produces: ['application/x-ndjson'],
        querystring: EventExportQuerySchema,
      },
    },
    async (request, reply) => {
      const { person } = request;
      if (person === undefined) return reply.code(401).send();
      const { most, ...filter } = request.query;
      request.audited = { target: 'events', facts: { filter: JSON.stringify(filter).slice(0, 1_000) } };
      const lines = await exports.open(person.id, most, async (limit, cursor) =>
        store().search(
          { filter, sensors: await readable(store(), person), suppressions: suppressions.acting() },
          { limit, cursor },
        ),
      );
      return reply
        .type('application/x-ndjson')
        .header('cache-control', 'no-store')
        .header('content-disposition', 'attachment; filename="events.ndjson"')
        .send(lines);
    },
  );
  app.get(
    '/api/v1/events/:id/rule',
    {
      config: { right: 'events.read', audit: 'events.rule' },
      schema: {
        summary: 'The rule that raised an alert, from the rule manager of its sensor',
        tags: TAGS,
        params: EventParamsSchema,
        response: { 200: RuleTextSchema },
      },
    },
    async ({ person, params }) =>
      ruleTextFor(await eventFor(store(), person, params.id, 'events.read'), person, ruleManagers),
  );
}
