import {
  DoneSchema,
  EventViewParamsSchema,
  EventViewRequestSchema,
  EventViewSchema,
  EventViewsReplySchema,
  type EventView,
} from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { FleetApp, Person } from '../../web/index.ts';
import type { KeptView, Views } from './views.ts';

const TAGS = ['events'];

/** Searches that people keep. A view says what is asked for; whoever opens it sees what they may see of it. */
export function viewRoutes(app: FleetApp, views: Views): void {
  app.get(
    '/api/v1/events/views',
    {
      config: { right: 'events.read' },
      schema: {
        summary: 'Saved searches: your own, and those for everybody',
        tags: TAGS,
        response: { 200: EventViewsReplySchema },
      },
    },
    async ({ person }) => ({ views: views.list(person?.id ?? '').map((view) => viewOf(view, person)) }),
  );
  app.post(
    '/api/v1/events/views',
    {
      config: { right: 'events.read', judgesEach: true, audit: 'events.view-save' },
      schema: {
        summary: 'Keep a search under a name',
        tags: TAGS,
        body: EventViewRequestSchema,
        response: { 200: EventViewSchema },
      },
    },
    async (request) => {
      const { person, body } = request;
      request.audited = { target: body.name, facts: { shared: body.shared } };
      if (person === undefined || (body.shared && !person.may('sensors.operate'))) throw denied();
      return viewOf(views.keep(body, { id: person.id, name: person.name }), person);
    },
  );
  app.delete(
    '/api/v1/events/views/:id',
    {
      config: { right: 'events.read', judgesEach: true, audit: 'events.view-remove' },
      schema: {
        summary: 'Remove a saved search of yours',
        tags: TAGS,
        params: EventViewParamsSchema,
        response: { 200: DoneSchema },
      },
    },
    async (request) => {
      const { person } = request;
      const found = views.find(request.params.id, person?.id ?? '');
      request.audited = { target: found.name, facts: { shared: found.shared } };
      if (!mayRemove(found, person)) throw denied();
      views.remove(found.id);
      return { done: true as const };
    },
  );
}

/** One's own; and what is in everybody's list can be taken out by who keeps the fleet in order. */
function mayRemove({ owner, shared }: KeptView, person: Person | undefined): boolean {
  return owner.id === person?.id || (shared && person?.may('settings.manage') === true);
}

function viewOf(kept: KeptView, person: Person | undefined): EventView {
  const { id, name, search, shared, owner, atMs } = kept;
  return {
    ...{ id, name, search, shared, owner: owner.name, own: owner.id === person?.id },
    mayRemove: mayRemove(kept, person),
    at: new Date(atMs).toISOString(),
  };
}

function denied(): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_EVENTS_VIEW_DENIED',
    message:
      'Sharing a view with everybody needs the role of an operator; removing one needs that it is yours.',
  });
}
