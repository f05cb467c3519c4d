import {
  DoneSchema,
  MappingRequestSchema,
  MappingSchema,
  ReturnDecisionSchema,
  RevokeRequestSchema,
  SensorDetailSchema,
  SensorOutcomeSchema,
  SensorParamsSchema,
  SensorPatchSchema,
  SensorsQuerySchema,
  SensorsReplySchema,
} from '@bulkhead/fleet-api';
import { z } from 'zod';
import type { FleetApp } from '../web/index.ts';
import { actorOf, mustHold, mustHoldEverywhere, personOf } from './actor.ts';
import { mappingOf } from './mapping.ts';
import { oneLine } from './ports.ts';
import type { Sensors } from './sensors.ts';
import { around, sensorDetail, sensorView } from './views.ts';

const PatchReplySchema = z.object({ sensor: SensorDetailSchema, outcome: SensorOutcomeSchema.optional() });

/** The registry: who is there, what they are called, who leaves and who returns. */
export function sensorRoutes(app: FleetApp, sensors: Sensors): void {
  const { registry } = sensors;
  const operate = { right: 'sensors.operate', sensorParam: 'id' } as const;

  app.get(
    '/api/v1/sensors',
    {
      config: { right: 'sensors.read' },
      schema: {
        summary: 'Sensors that the asker may see',
        tags: ['sensors'],
        querystring: SensorsQuerySchema,
        response: { 200: SensorsReplySchema },
      },
    },
    async (request) => {
      const person = personOf(request);
      const { group, tag, state, q } = request.query;
      const known = around(sensors);
      const text = q?.toLowerCase();
      const shown = registry
        .all()
        .filter((one) => person.may('sensors.read', one.id))
        .filter((one) => group === undefined || one.groupId === group)
        .filter((one) => tag === undefined || one.tags.includes(tag))
        .filter((one) => state === undefined || one.state === state)
        .filter(
          (one) =>
            text === undefined ||
            `${one.name}\n${one.tags.join(' ')}\n${one.notes}`.toLowerCase().includes(text),
        );
      return { sensors: shown.map((one) => sensorView(sensors, one, known)) };
    },
  );
  app.get(
    '/api/v1/sensors/:id',
    {
      config: { right: 'sensors.read', sensorParam: 'id' },
      schema: {
        summary: 'One sensor',
        tags: ['sensors'],
        params: SensorParamsSchema,
        response: { 200: SensorDetailSchema },
      },
    },
    async (request) => sensorDetail(sensors, registry.get(request.params.id)),
  );
  app.patch(
    '/api/v1/sensors/:id',
    {
      config: { ...operate, audit: 'sensor.change' },
      schema: {
        summary: 'Rename, tag, describe or move a sensor',
        tags: ['sensors'],
        params: SensorParamsSchema,
        body: SensorPatchSchema,
        response: { 200: PatchReplySchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { name, tags, notes, group, reason = '' } = request.body;
      const former = registry.get(id);
      request.audited = {
        facts: {
          was: former.name,
          ...(name === undefined ? {} : { name }),
          ...(group === undefined ? {} : { group: group ?? '(none)' }),
        },
      };
      // A group decides who may do what with the sensor, and what it is: not for somebody who only holds it through its group.
      if (group !== undefined) mustHoldEverywhere(personOf(request));
      registry.update(id, {
        ...(name === undefined ? {} : { name }),
        ...(tags === undefined ? {} : { tags: [...new Set(tags)].sort() }),
        ...(notes === undefined ? {} : { notes }),
      });
      const outcome = group === undefined ? undefined : sensors.moveTo(id, group, actorOf(request), reason);
      return {
        sensor: sensorDetail(sensors, registry.get(id)),
        ...(outcome === undefined ? {} : { outcome }),
      };
    },
  );
  app.post(
    '/api/v1/sensors/:id/revoke',
    {
      config: { ...operate, audit: 'sensor.revoke' },
      schema: {
        summary: 'Shut a sensor out, at once and for ever',
        tags: ['sensors'],
        params: SensorParamsSchema,
        body: RevokeRequestSchema,
        response: { 200: DoneSchema },
      },
    },
    async (request) => {
      request.audited = {
        facts: { name: registry.get(request.params.id).name, reason: oneLine(request.body.reason) },
      };
      sensors.revoke(request.params.id, oneLine(request.body.reason));
      return { done: true as const };
    },
  );
  app.delete(
    '/api/v1/sensors/:id',
    {
      config: { ...operate, audit: 'sensor.remove' },
      schema: {
        summary: 'Revoke and forget a sensor',
        tags: ['sensors'],
        params: SensorParamsSchema,
        response: { 200: DoneSchema },
      },
    },
    async (request) => {
      const person = personOf(request);
      mustHold(person, 'sensors.configure', [request.params.id]);
      request.audited = { facts: { name: registry.get(request.params.id).name } };
      sensors.remove(request.params.id);
      return { done: true as const };
    },
  );
  for (const [path, decision, summary] of [
    ['confirm-return', 'granted', 'Let a sensor come back whose certificate had expired'],
    ['refuse-return', 'refused', 'Do not let it come back'],
  ] as const) {
    app.post(
      `/api/v1/sensors/:id/${path}`,
      {
        config: { ...operate, audit: `sensor.${path}` },
        schema: {
          summary,
          tags: ['sensors'],
          params: SensorParamsSchema,
          body: ReturnDecisionSchema,
          response: { 200: DoneSchema },
        },
      },
      async (request) => {
        registry.get(request.params.id);
        const { id, address } = sensors.returns.decide(request.params.id, decision, request.body.request);
        request.audited = { facts: { request: id, from: address } };
        return { done: true as const };
      },
    );
  }
  app.post(
    '/api/v1/sensors/:id/acknowledge-clone',
    {
      config: { ...operate, audit: 'sensor.acknowledge-clone' },
      schema: {
        summary: 'Somebody looked at the warning that a sensor exists twice',
        tags: ['sensors'],
        params: SensorParamsSchema,
        response: { 200: DoneSchema },
      },
    },
    async (request) => {
      sensors.acknowledgeClone(request.params.id);
      return { done: true as const };
    },
  );
  app.get(
    '/api/v1/sensors/:id/mapping',
    {
      config: { right: 'sensors.read', sensorParam: 'id' },
      schema: {
        summary: 'Interfaces of the former and of the new hardware',
        tags: ['sensors'],
        params: SensorParamsSchema,
        response: { 200: MappingSchema },
      },
    },
    async (request) => {
      const sensor = registry.get(request.params.id);
      return mappingOf(sensor, sensors.desired.documentOf(sensor));
    },
  );
  app.post(
    '/api/v1/sensors/:id/mapping',
    {
      config: { right: 'sensors.configure', sensorParam: 'id', audit: 'sensor.map' },
      schema: {
        summary: 'Say which new interface takes the place of which',
        tags: ['sensors'],
        params: SensorParamsSchema,
        body: MappingRequestSchema,
        response: { 200: SensorOutcomeSchema },
      },
    },
    async (request) => sensors.map(request.params.id, request.body, actorOf(request)),
  );
}
