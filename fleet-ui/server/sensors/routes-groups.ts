import {
  BulkRequestSchema,
  DoneSchema,
  GroupConfigReplySchema,
  GroupConfigRequestSchema,
  GroupDetailSchema,
  GroupParamsSchema,
  GroupPatchSchema,
  GroupPreviewReplySchema,
  GroupRequestSchema,
  GroupsReplySchema,
  OutcomesReplySchema,
} from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { FleetApp, Person } from '../web/index.ts';
import { actorOf, mustHold, mustHoldEverywhere, personOf } from './actor.ts';
import { inBatches } from './batches.ts';
import { bulk } from './bulk.ts';
import { groupUnknown } from './groups.ts';
import { checkOverlay } from './effective-config.ts';
import { previewOf } from './layer-change.ts';
import { oneLine } from './ports.ts';
import type { Sensors } from './sensors.ts';
import { groupView, isoOf } from './views.ts';

/** Groups and what they carry; and one act for many sensors. */
export function groupRoutes(app: FleetApp, sensors: Sensors): void {
  const { groups, registry, desired } = sensors;
  const { db } = sensors.options;

  app.get(
    '/api/v1/groups',
    {
      config: { right: 'sensors.read' },
      schema: { summary: 'Groups of sensors', tags: ['groups'], response: { 200: GroupsReplySchema } },
    },
    async (request) => {
      const person = personOf(request);
      return {
        groups: groups
          .all()
          .filter(({ id }) => maySee(sensors, person, id))
          .map(groupView),
      };
    },
  );
  app.post(
    '/api/v1/groups',
    {
      config: { right: 'sensors.configure', audit: 'group.create' },
      schema: {
        summary: 'Make a group',
        tags: ['groups'],
        body: GroupRequestSchema,
        response: { 200: GroupDetailSchema },
      },
    },
    async (request) => {
      mustHoldEverywhere(personOf(request));
      const { id } = groups.create(request.body.name, request.body.description);
      request.audited = { target: id, facts: { name: request.body.name } };
      return detail(sensors, id);
    },
  );
  app.get(
    '/api/v1/groups/:group',
    {
      config: { right: 'sensors.read' },
      schema: {
        summary: 'One group with what it lays over its sensors',
        tags: ['groups'],
        params: GroupParamsSchema,
        response: { 200: GroupDetailSchema },
      },
    },
    async (request) => {
      const { group } = request.params;
      // Who may not see it is not told that it is there.
      if (!maySee(sensors, personOf(request), group)) throw groupUnknown(group);
      return detail(sensors, group);
    },
  );
  app.patch(
    '/api/v1/groups/:group',
    {
      config: { right: 'sensors.configure', audit: 'group.change' },
      schema: {
        summary: 'Rename or describe a group',
        tags: ['groups'],
        params: GroupParamsSchema,
        body: GroupPatchSchema,
        response: { 200: GroupDetailSchema },
      },
    },
    async (request) => {
      mustHoldEverywhere(personOf(request));
      const { id, name, description } = groups.get(request.params.group);
      groups.rename(id, request.body.name ?? name, request.body.description ?? description);
      return detail(sensors, id);
    },
  );
  app.delete(
    '/api/v1/groups/:group',
    {
      config: { right: 'sensors.configure', audit: 'group.remove' },
      schema: {
        summary: 'Remove a group that has no sensors',
        tags: ['groups'],
        params: GroupParamsSchema,
        response: { 200: DoneSchema },
      },
    },
    async (request) => {
      mustHoldEverywhere(personOf(request));
      const { id, name } = groups.get(request.params.group);
      groups.remove(id);
      request.audited = { facts: { name } };
      return { done: true as const };
    },
  );
  app.put(
    '/api/v1/groups/:group/config',
    {
      config: { right: 'sensors.configure', judgesEach: true, audit: 'group.configure' },
      schema: {
        summary: 'Change what a group lays over its sensors',
        tags: ['groups'],
        params: GroupParamsSchema,
        body: GroupConfigRequestSchema,
        response: { 200: GroupConfigReplySchema },
      },
    },
    async (request) => {
      const by = actorOf(request);
      const { group } = request.params;
      mayConfigure(sensors, personOf(request), group);
      const { name, revision } = groups.get(group);
      const { expectRevision } = request.body;
      if (expectRevision !== undefined && expectRevision !== revision) {
        throw new BulkheadError({
          code: 'FLEET_SENSORS_CONFIG_CONFLICT',
          message: `The configuration of the group "${name}" is at revision ${String(revision)} now.`,
          fields: { group, revision },
        });
      }
      const config = checkOverlay(request.body.config, 'group');
      const reason = oneLine(request.body.reason);
      const number = groups.setConfig(group, config, oneLine(by.name, 64), reason);
      request.audited = { facts: { name, revision: number, reason } };
      const because = { by, reason: reason || `group "${name}", revision ${String(number)}` };
      const outcomes = await inBatches(db, registry.inGroup(group), ({ id }) =>
        // Who left meanwhile is somebody else's concern.
        registry.find(id)?.groupId === group ? [desired.groupChanged(id, because)] : [],
      );
      return { group: groupView(groups.get(group)), outcomes: outcomes.flat() };
    },
  );
  app.post(
    '/api/v1/groups/:group/config/preview',
    {
      config: { right: 'sensors.configure', judgesEach: true },
      schema: {
        summary: 'What a change of a group would change on each of its sensors',
        tags: ['groups'],
        params: GroupParamsSchema,
        body: GroupConfigRequestSchema,
        response: { 200: GroupPreviewReplySchema },
      },
    },
    async (request) => {
      const { group } = request.params;
      mayConfigure(sensors, personOf(request), group);
      groups.get(group);
      const config = checkOverlay(request.body.config, 'group');
      const previews = await inBatches(db, registry.inGroup(group), (sensor) => ({
        sensor: sensor.id,
        name: sensor.name,
        ...previewOf(desired.documentOf(sensor), { ...desired.layersOf(sensor), group: config }, sensor),
      }));
      return { sensors: previews };
    },
  );
  app.post(
    '/api/v1/sensors/acknowledge-restore',
    {
      config: { right: 'sensors.adopt', audit: 'sensor.acknowledge-restore' },
      schema: {
        summary: 'Say that whoever was revoked after the restored backup was made is revoked again',
        tags: ['sensors'],
        response: { 200: DoneSchema },
      },
    },
    async () => {
      sensors.acknowledgeRestore();
      return { done: true as const };
    },
  );
  app.post(
    '/api/v1/sensors/bulk',
    {
      config: { right: 'sensors.operate', judgesEach: true, audit: 'sensor.bulk' },
      schema: {
        summary: 'The same act for many sensors',
        tags: ['sensors'],
        body: BulkRequestSchema,
        response: { 200: OutcomesReplySchema },
      },
    },
    async (request) => {
      const { action, sensors: ids } = request.body;
      request.audited = { target: action.kind, facts: { sensors: ids.length } };
      return { outcomes: await bulk(sensors, request.body, personOf(request)) };
    },
  );
}

function maySee(sensors: Sensors, person: Person, group: string): boolean {
  if (person.may('sensors.adopt')) return true;
  return sensors.registry.inGroup(group).some(({ id }) => person.may('sensors.read', id));
}

/** All of its sensors change with it, and those that come later. */
function mayConfigure(sensors: Sensors, person: Person, group: string): void {
  const members = sensors.registry.inGroup(group).map(({ id }) => id);
  if (members.length === 0) mustHoldEverywhere(person);
  else mustHold(person, 'sensors.configure', members);
}

function detail(sensors: Sensors, id: string) {
  const group = sensors.groups.get(id);
  return {
    ...groupView(group),
    config: group.config,
    revisions: sensors.groups.revisions(id).map(({ number, atMs, author, reason, config }) => ({
      number,
      at: isoOf(atMs),
      author,
      reason,
      config,
    })),
  };
}
