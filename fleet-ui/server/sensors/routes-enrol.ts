import {
  AdoptionCodeReplySchema,
  AdoptionCodeRequestSchema,
  AdoptionCodesReplySchema,
  CodeIdSchema,
  DoneSchema,
} from '@bulkhead/fleet-api';
import {
  AdoptReplySchema,
  AdoptRequestSchema,
  CaReplySchema,
  ENROLMENT_PATHS,
  formatJoinToken,
  NonceReplySchema,
  ReturnReplySchema,
  ReturnRequestSchema,
} from '@bulkhead/platform/contracts';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { z } from 'zod';
import type { FleetApp } from '../web/index.ts';
import { actorOf } from './actor.ts';
import type { Sensors } from './sensors.ts';
import { codeView } from './views.ts';

/** A configuration comes with an adoption, as text in JSON. */
const ADOPT_BYTES = 768 * 1024;
const RETURN_BYTES = 128 * 1024;
const CodeParamsSchema = z.object({ code: CodeIdSchema });

/** Adoption codes for people, and the addresses at which machines that are no sensors yet knock. */
export function enrolmentRoutes(app: FleetApp, sensors: Sensors): void {
  const { ca, webAddress } = sensors.options;

  app.get(
    ENROLMENT_PATHS.ca,
    {
      config: { right: 'public' },
      schema: {
        summary: 'The certificate of the CA of this fleet',
        tags: ['enrolment'],
        response: { 200: CaReplySchema },
      },
    },
    async () => ({ ca: ca.certificate, fingerprint: ca.fingerprint }),
  );
  app.post(
    ENROLMENT_PATHS.adopt,
    {
      config: { right: 'public', audit: 'sensor.adopt' },
      bodyLimit: ADOPT_BYTES,
      schema: {
        summary: 'A machine becomes a sensor, with an adoption code',
        tags: ['enrolment'],
        body: AdoptRequestSchema,
        response: { 200: AdoptReplySchema },
      },
    },
    async (request) => {
      const { reply, code } = await sensors.enrolment.adopt(request.body, request.ip);
      request.audited = {
        target: reply.sensor,
        facts: {
          name: reply.name,
          code: code.id,
          codeBy: code.createdBy,
          version: request.body.version,
          ...(code.replaces === undefined ? {} : { replaces: true }),
        },
      };
      return reply;
    },
  );
  app.get(
    ENROLMENT_PATHS.nonce,
    {
      config: { right: 'public' },
      schema: {
        summary: 'What a sensor signs to come back',
        tags: ['enrolment'],
        response: { 200: NonceReplySchema },
      },
    },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store');
      return sensors.returns.nonce(request.ip);
    },
  );
  app.post(
    ENROLMENT_PATHS.return,
    {
      config: { right: 'public', audit: 'sensor.return' },
      bodyLimit: RETURN_BYTES,
      schema: {
        summary: 'A sensor whose certificate has expired asks to come back',
        tags: ['enrolment'],
        body: ReturnRequestSchema,
        response: { 200: ReturnReplySchema },
      },
    },
    async (request) => sensors.returns.ask(request.body, request.ip),
  );

  app.get(
    '/api/v1/adoption-codes',
    {
      config: { right: 'sensors.adopt' },
      schema: {
        summary: 'Adoption codes that can still be used',
        tags: ['enrolment'],
        response: { 200: AdoptionCodesReplySchema },
      },
    },
    async () => ({ codes: sensors.codes.open().map(codeView) }),
  );
  app.post(
    '/api/v1/adoption-codes',
    {
      config: { right: 'sensors.adopt', audit: 'adoption-code.create' },
      schema: {
        summary: 'Make an adoption code; it is shown once',
        tags: ['enrolment'],
        body: AdoptionCodeRequestSchema,
        response: { 200: AdoptionCodeReplySchema },
      },
    },
    async (request, reply) => {
      const { name, group, replaces, expiresInS } = request.body;
      if (group !== undefined) sensors.groups.get(group);
      if (replaces !== undefined) sensors.registry.get(replaces);
      if (name !== undefined && sensors.registry.byName(name) !== undefined) {
        throw new BulkheadError({
          code: 'FLEET_SENSORS_NAME_TAKEN',
          message: `Another sensor is called "${name}".`,
          fields: { name },
        });
      }
      const by = actorOf(request);
      const { code, record } = sensors.codes.make({ name, groupId: group, replaces, expiresInS }, by.name);
      request.audited = {
        target: record.id,
        facts: {
          expiresInS,
          ...(replaces === undefined ? {} : { replaces }),
          ...(name === undefined ? {} : { name }),
        },
      };
      const joinToken = formatJoinToken({ code, ...webAddress(), fingerprint: ca.fingerprint });
      void reply.header('cache-control', 'no-store');
      return {
        ...codeView(record),
        code,
        joinToken,
        command: `bulkhead fleet join '${joinToken}'`,
        fingerprint: ca.fingerprint,
      };
    },
  );
  app.delete(
    '/api/v1/adoption-codes/:code',
    {
      config: { right: 'sensors.adopt', audit: 'adoption-code.withdraw' },
      schema: {
        summary: 'Withdraw an adoption code',
        tags: ['enrolment'],
        params: CodeParamsSchema,
        response: { 200: DoneSchema },
      },
    },
    async (request) => {
      sensors.codes.withdraw(request.params.code);
      return { done: true as const };
    },
  );
}
