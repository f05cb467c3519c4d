import {
  DoneSchema,
  SuppressionParamsSchema,
  SuppressionPreviewQuerySchema,
  SuppressionPreviewSchema,
  SuppressionRequestSchema,
  SuppressionSchema,
  SuppressionsReplySchema,
  type Suppression,
} from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { FleetApp, Person } from '../../web/index.ts';
import { mayEverywhere, readable } from '../judging.ts';
import type { FleetEventStore } from '../store/event-store.ts';
import type { KeptSuppression, Suppressions } from './suppressions.ts';

export interface SuppressionRoutesParts {
  store: () => FleetEventStore;
  suppressions: Suppressions;
}

const TAGS = ['events'];
const DAY_MS = 86_400_000;
/** In which a signature must have been seen for its text to be shown. */
const TEXT_MS = 30 * DAY_MS;

/**
 * Suppressions: everybody who may read events sees those that act on their sensors; one makes and takes back only where one may
 * handle events: on each sensor named, or, where none is named, on all.
 */
export function suppressionRoutes(app: FleetApp, { store, suppressions }: SuppressionRoutesParts): void {
  app.get(
    '/api/v1/events/suppressions',
    {
      config: { right: 'events.read' },
      schema: {
        summary: 'What people do not want to see for a while',
        tags: TAGS,
        response: { 200: SuppressionsReplySchema },
      },
    },
    async ({ person }) => ({
      suppressions: suppressions
        .list()
        .filter((one) => maySee(person, one))
        .map((one) => viewOf(one, person, suppressions.isActing(one))),
    }),
  );
  app.get(
    '/api/v1/events/suppressions/preview',
    {
      config: { right: 'events.read', audit: 'events.search' },
      schema: {
        summary: 'What a suppression would have hidden in the past days',
        tags: TAGS,
        querystring: SuppressionPreviewQuerySchema,
        response: { 200: SuppressionPreviewSchema },
      },
    },
    async ({ person, query: { days, ...rule } }) =>
      store().preview({
        rule,
        sensors: await readable(store(), person),
        sinceMs: Date.now() - days * DAY_MS,
      }),
  );
  app.post(
    '/api/v1/events/suppressions',
    {
      config: { right: 'events.handle', judgesEach: true, audit: 'events.suppress' },
      schema: {
        summary: 'Hide alerts of a signature for a while, and notify nobody of them',
        description: 'What is covered is stored all the same, and found with `suppressed=show` or `only`.',
        tags: TAGS,
        body: SuppressionRequestSchema,
        response: { 200: SuppressionSchema },
      },
    },
    async (request) => {
      const { person } = request;
      const { expires, reason, ...rule } = request.body;
      request.audited = {
        target: `signature ${rule.signature}`,
        facts: {
          reason,
          expires,
          sensors: (rule.sensors ?? ['all']).join(' ').slice(0, 500),
          ...(rule.address === undefined ? {} : { address: rule.address, side: rule.side }),
        },
      };
      if (!mayChange(person, rule.sensors)) throw denied(rule.sensors);
      const nowMs = Date.now();
      const sensors = await readable(store(), person);
      const known = await store().occurrences({
        ...{ signature: rule.signature, sensors },
        ...{ sinceMs: nowMs - TEXT_MS, nowMs },
      });
      const made = suppressions.add(
        { rule, reason, expiresMs: Date.parse(expires), text: known.text },
        { id: person?.id ?? '', name: person?.name ?? '' },
      );
      return viewOf(made, person, true);
    },
  );
  app.delete(
    '/api/v1/events/suppressions/:id',
    {
      config: { right: 'events.handle', judgesEach: true, audit: 'events.unsuppress' },
      schema: {
        summary: 'Take a suppression back: what it covered shows again',
        tags: TAGS,
        params: SuppressionParamsSchema,
        response: { 200: DoneSchema },
      },
    },
    async (request) => {
      const { person } = request;
      const found = suppressions.find(request.params.id);
      if (!maySee(person, found)) throw unknown(request.params.id);
      if (!mayChange(person, found.rule.sensors)) throw denied(found.rule.sensors);
      request.audited = { target: `signature ${found.rule.signature}`, facts: { suppression: found.id } };
      suppressions.end(found.id, { id: person?.id ?? '', name: person?.name ?? '' });
      return { done: true as const };
    },
  );
}

function mayChange(person: Person | undefined, sensors: readonly string[] | undefined): boolean {
  return sensors === undefined
    ? mayEverywhere(person, 'events.handle')
    : sensors.every((sensor) => person?.may('events.handle', sensor) === true);
}

/** One that acts on all sensors acts on those that anybody may read. */
function maySee(person: Person | undefined, { rule: { sensors } }: Pick<KeptSuppression, 'rule'>): boolean {
  return sensors === undefined || sensors.some((sensor) => person?.may('events.read', sensor) === true);
}

function viewOf(kept: KeptSuppression, person: Person | undefined, active: boolean): Suppression {
  const { id, rule, text, by, reason, ended } = kept;
  const mayRead = (sensor: string): boolean => person?.may('events.read', sensor) === true;
  const seen = rule.sensors?.filter(mayRead);
  const hits = kept.hits.filter(({ sensor }) => mayRead(sensor));
  const iso = (ms: number): string => new Date(ms).toISOString();
  return {
    ...{ id, signature: rule.signature, side: rule.side, by, reason, active },
    ...(text === undefined ? {} : { text }),
    ...(rule.address === undefined ? {} : { address: rule.address }),
    ...(seen === undefined ? {} : { sensors: seen }),
    elsewhere: (rule.sensors?.length ?? 0) - (seen?.length ?? 0),
    at: iso(kept.atMs),
    expires: iso(kept.expiresMs),
    ...(ended === undefined
      ? {}
      : { ended: { by: { id: ended.id, name: ended.name }, at: iso(ended.atMs) } }),
    hits: hits.reduce((sum, { n }) => sum + n, 0),
    ...(hits.length === 0 ? {} : { lastHit: iso(Math.max(...hits.map(({ lastMs }) => lastMs))) }),
    mayEnd: active && mayChange(person, rule.sensors),
  };
}

function denied(sensors: readonly string[] | undefined): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_EVENTS_SUPPRESSION_DENIED',
    message:
      sensors === undefined
        ? 'A suppression for all sensors needs the right to handle the events of all of them.'
        : 'You may not handle the events of every sensor that it names.',
  });
}

function unknown(id: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_EVENTS_SUPPRESSION_UNKNOWN',
    message: `There is no suppression ${id}.`,
    fields: { id },
  });
}
