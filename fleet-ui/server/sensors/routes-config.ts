import {
  ConfigChangeSchema,
  ConfigPreviewSchema,
  ConfigRevisionReplySchema,
  ConfigRevisionsReplySchema,
  DesiredConfigSchema,
  RevisionParamsSchema,
  RollbackRequestSchema,
  SensorOutcomeSchema,
  SensorParamsSchema,
  type ConfigChange,
} from '@bulkhead/fleet-api';
import { z } from 'zod';
import type { FleetApp } from '../web/index.ts';
import { actorOf } from './actor.ts';
import { revisionUnknown } from './desired.ts';
import { checkOverlay, readDocument } from './effective-config.ts';
import { layersFor, previewOf, type Layers } from './layer-change.ts';
import { differencesOf, type JsonObject } from './layers.ts';
import type { Sensors } from './sensors.ts';
import { desiredView, revisionView } from './views.ts';

const AgainstSchema = z.strictObject({ against: z.coerce.number().int().min(0).optional() });
const DIFFERENCES_MOST = 1000;

/** What the fleet wants one sensor to be: layers, revisions, roll-back. */
export function configRoutes(app: FleetApp, sensors: Sensors): void {
  const { registry, desired, revisions } = sensors;
  const read = { right: 'sensors.read', sensorParam: 'id' } as const;
  const configure = { right: 'sensors.configure', sensorParam: 'id' } as const;

  app.get(
    '/api/v1/sensors/:id/config',
    {
      config: read,
      schema: {
        summary: 'The configuration that a sensor should have, and whence each value is',
        tags: ['configuration'],
        params: SensorParamsSchema,
        response: { 200: DesiredConfigSchema },
      },
    },
    async (request) => desiredView(sensors, registry.get(request.params.id)),
  );
  app.put(
    '/api/v1/sensors/:id/config',
    {
      config: { ...configure, audit: 'sensor.configure' },
      schema: {
        summary: 'Change what is peculiar to one sensor',
        tags: ['configuration'],
        params: SensorParamsSchema,
        body: ConfigChangeSchema,
        response: { 200: SensorOutcomeSchema },
      },
    },
    async (request) => {
      const { document, overrides, reason, expectRevision } = request.body;
      const because = { by: actorOf(request), reason, cause: 'sensor', expectRevision } as const;
      return document === undefined
        ? desired.setOverrides(request.params.id, checkOverlay(overrides, 'sensor'), because)
        : desired.setDocument(request.params.id, readDocument(document), because);
    },
  );
  app.post(
    '/api/v1/sensors/:id/config/preview',
    {
      config: configure,
      schema: {
        summary: 'What a change would change',
        tags: ['configuration'],
        params: SensorParamsSchema,
        body: ConfigChangeSchema,
        response: { 200: ConfigPreviewSchema },
      },
    },
    async (request) => {
      const sensor = registry.get(request.params.id);
      return previewOf(desired.documentOf(sensor), layersOf(request.body, desired.layersOf(sensor)), sensor);
    },
  );
  app.post(
    '/api/v1/sensors/:id/config/import',
    {
      config: { ...configure, audit: 'sensor.import-config' },
      schema: {
        summary: 'Take over what the sensor has',
        tags: ['configuration'],
        params: SensorParamsSchema,
        body: RollbackRequestSchema,
        response: { 200: SensorOutcomeSchema },
      },
    },
    async (request) =>
      desired.takeOver(request.params.id, {
        by: actorOf(request),
        reason: request.body.reason || 'taken over from the sensor',
        expectRevision: request.body.expectRevision,
      }),
  );
  app.post(
    '/api/v1/sensors/:id/config/resend',
    {
      config: { ...configure, audit: 'sensor.resend-config' },
      schema: {
        summary: 'Send it to the sensor once more',
        tags: ['configuration'],
        params: SensorParamsSchema,
        body: RollbackRequestSchema,
        response: { 200: SensorOutcomeSchema },
      },
    },
    async (request) =>
      desired.resend(request.params.id, {
        by: actorOf(request),
        reason: request.body.reason || 'sent once more',
        expectRevision: request.body.expectRevision,
      }),
  );
  app.get(
    '/api/v1/sensors/:id/revisions',
    {
      config: read,
      schema: {
        summary: 'Revisions of a configuration, the newest first',
        tags: ['configuration'],
        params: SensorParamsSchema,
        response: { 200: ConfigRevisionsReplySchema },
      },
    },
    async (request) => {
      registry.get(request.params.id);
      return { revisions: revisions.of(request.params.id).map(revisionView) };
    },
  );
  app.get(
    '/api/v1/sensors/:id/revisions/:number',
    {
      config: read,
      schema: {
        summary: 'One revision with its difference from the one before',
        tags: ['configuration'],
        params: RevisionParamsSchema,
        querystring: AgainstSchema,
        response: { 200: ConfigRevisionReplySchema },
      },
    },
    async (request) => {
      const { id, number } = request.params;
      const revision = revisions.find(id, number);
      if (revision === undefined) throw revisionUnknown(id, number);
      const other = revisions.find(id, request.query.against ?? number - 1);
      const before = other === undefined ? undefined : readDocument(other.document);
      return {
        revision: revisionView(revision),
        document: revision.document,
        differences:
          before === undefined
            ? []
            : differencesOf(before, readDocument(revision.document)).slice(0, DIFFERENCES_MOST),
      };
    },
  );
  app.post(
    '/api/v1/sensors/:id/revisions/:number/rollback',
    {
      config: { ...configure, audit: 'sensor.roll-back' },
      schema: {
        summary: 'Go back to a revision',
        tags: ['configuration'],
        params: RevisionParamsSchema,
        body: RollbackRequestSchema,
        response: { 200: SensorOutcomeSchema },
      },
    },
    async (request) => {
      const { id, number } = request.params;
      const { reason, expectRevision } = request.body;
      return desired.rollBack(id, number, {
        by: actorOf(request),
        reason: reason || `back to revision ${String(number)}`,
        expectRevision,
      });
    },
  );
}

function layersOf(change: ConfigChange, now: Layers): Layers {
  return change.document === undefined
    ? { ...now, overrides: checkOverlay(change.overrides, 'sensor') }
    : layersFor(readDocument(change.document) satisfies JsonObject, now);
}
