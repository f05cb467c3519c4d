import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  DoneSchema,
  ImportParamsSchema,
  ImportTargetsSchema,
  RulesCheckReplySchema,
  RulesCheckRequestSchema,
  RulesDeployReplySchema,
  RulesJobsSchema,
  RulesPlanReplySchema,
  RulesRefusedSchema,
  RulesStepSchema,
  type ImportTarget,
} from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { z } from 'zod';
import type { FleetApp, Person } from '../web/index.ts';
import { isRefusal, jobView, RuleManager, type Call } from './rule-manager.ts';

export type ImportTargets = () => readonly ImportTarget[];

const TAGS = ['imports'];
const BASE = '/api/v1/imports/:sensor/:instrument/rules';
/** A rule manager takes 8 MiB at once. */
const BODY_BYTES = 8 * 2 ** 20;
/** Each holds a file in memory, twice. */
const UPLOADS_AT_ONCE = 3;
const RIGHT = { right: 'sensors.operate', sensorParam: 'sensor', instrumentParam: 'instrument' } as const;

/**
 * Rules on their way to a rule manager, step by step: it reads them (`check`), says what would be live (`plan`), and has the IDS
 * test and take them (`deploy`); or all of it is taken back (`discard`). The rule manager judges by name and roles once more.
 */
export function importRoutes(app: FleetApp, { targets, call }: { targets: ImportTargets; call: Call }): void {
  /** Ids of those whose file is being taken in: one of each. */
  const uploading = new Set<string>();
  const takeTurn = async ({ person }: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const id = person?.id ?? '';
    if (uploading.has(id)) throw busy('A file of yours is being taken in already.');
    if (uploading.size >= UPLOADS_AT_ONCE)
      throw busy(`${String(UPLOADS_AT_ONCE)} files are being taken in already.`);
    uploading.add(id);
    reply.raw.once('close', () => uploading.delete(id));
  };
  app.get(
    '/api/v1/imports/targets',
    {
      config: { right: 'sensors.operate' },
      schema: {
        summary: 'Rule managers that rules can be brought to',
        tags: TAGS,
        response: { 200: ImportTargetsSchema },
      },
    },
    async ({ person }) => ({
      targets: targets().filter(
        ({ sensor, instrument }) => person?.may('sensors.operate', sensor, instrument) === true,
      ),
    }),
  );
  app.post(
    `${BASE}/check`,
    {
      bodyLimit: BODY_BYTES,
      onRequest: takeTurn,
      config: { ...RIGHT, audit: 'import.rules.check' },
      schema: {
        summary: 'Has the rule manager read a file of rules, and keep it as a source that is off',
        description: 'What is refused leaves nothing behind. A source of that name must not be there.',
        tags: TAGS,
        params: ImportParamsSchema,
        body: RulesCheckRequestSchema,
        response: { 200: RulesCheckReplySchema },
      },
    },
    async (request) => {
      const { name, text, skipFaulty, reason, fileName } = request.body;
      request.audited = {
        target: targetOf(request.params, name),
        facts: {
          file: plainName(fileName),
          bytes: Buffer.byteLength(text),
          sha256: createHash('sha256').update(text).digest('hex'),
        },
      };
      const answer = await managerOf(call, request).add({ name, text, skipFaulty, reason });
      if (isRefusal(answer)) return answer;
      const { rules, version } = answer.source;
      return {
        outcome: 'taken' as const,
        rules: rules.all,
        enabled: rules.enabled,
        skipped: version?.skipped ?? 0,
        faults: version?.faults ?? [],
      };
    },
  );
  app.post(
    `${BASE}/plan`,
    {
      config: { ...RIGHT, audit: 'import.rules.plan' },
      schema: {
        summary: 'Switches the source on and says what would be live then',
        description:
          'The rule manager deploys by itself at `deploysAt`, unless the source is discarded before.',
        tags: TAGS,
        params: ImportParamsSchema,
        body: RulesStepSchema,
        response: { 200: RulesPlanReplySchema },
      },
    },
    async (request) => {
      const { name, reason } = request.body;
      request.audited = { target: targetOf(request.params, name) };
      const manager = managerOf(call, request);
      const switched = await manager.switchOn(name, reason);
      if (isRefusal(switched)) return switched;
      const built = await manager.build();
      if (isRefusal(built)) return built;
      const { id, state, rules, added, removed, changed, notes, code, message, faults } = built.version;
      if (state === 'refused') {
        return {
          outcome: 'refused' as const,
          code: code ?? '',
          message: message ?? 'This ruleset was refused before.',
          faults: faults ?? [],
        };
      }
      const overview = await manager.overview();
      const deploysAt = isRefusal(overview) ? undefined : overview.deploysAt;
      return {
        ...{ outcome: 'planned' as const, version: id, rules, added, removed, changed, notes },
        ...(deploysAt === undefined ? {} : { deploysAt }),
      };
    },
  );
  app.post(
    `${BASE}/deploy`,
    {
      config: { ...RIGHT, audit: 'import.rules.deploy' },
      schema: {
        summary: 'Has each IDS test the rules, and take them when they are good',
        tags: TAGS,
        params: ImportParamsSchema,
        body: RulesStepSchema,
        response: { 200: RulesDeployReplySchema },
      },
    },
    async (request) => {
      const { name, reason } = request.body;
      request.audited = { target: targetOf(request.params, name) };
      const answer = await managerOf(call, request).deploy(reason);
      return isRefusal(answer) ? answer : { outcome: 'begun' as const, job: jobView(answer.job) };
    },
  );
  app.post(
    `${BASE}/discard`,
    {
      config: { ...RIGHT, audit: 'import.rules.discard' },
      schema: {
        summary: 'Takes the source away again',
        description: 'If its rules are live already, the rule manager deploys a ruleset without them.',
        tags: TAGS,
        params: ImportParamsSchema,
        body: RulesStepSchema,
        response: { 200: z.union([DoneSchema, RulesRefusedSchema]) },
      },
    },
    async (request) => {
      const { name, reason } = request.body;
      request.audited = { target: targetOf(request.params, name) };
      const answer = await managerOf(call, request).remove(name, reason);
      return isRefusal(answer) ? answer : { done: true as const };
    },
  );
  app.get(
    `${BASE}/job`,
    {
      config: RIGHT,
      schema: {
        summary: 'How far the newest deployment of the rule manager is',
        tags: TAGS,
        params: ImportParamsSchema,
        response: { 200: RulesJobsSchema },
      },
    },
    async (request) => {
      const answer = await managerOf(call, request).newestJob();
      const [job] = isRefusal(answer) ? [] : answer.jobs;
      return job === undefined ? {} : { job: jobView(job) };
    },
  );
}

function managerOf(
  call: Call,
  { params, person }: { params: z.output<typeof ImportParamsSchema>; person?: Person },
): RuleManager {
  // The guard lets nobody through who is not known; without one nothing is asked in anybody's name.
  if (person === undefined)
    throw new BulkheadError({ code: 'FLEET_IMPORTS_ANSWER', message: 'Nobody asks.' });
  return new RuleManager(call, { ...params, person });
}

function targetOf({ sensor, instrument }: z.output<typeof ImportParamsSchema>, name: string): string {
  return `${name} at ${instrument}@${sensor}`;
}

/** The last part of a name that somebody else chose, without what could pose as something else in a list. */
export function plainName(fileName: string): string {
  const last = fileName.split(/[\\/]/).at(-1) ?? '';
  return last.replace(/[^\p{L}\p{N} ._()+-]/gu, '_').slice(0, 100);
}

function busy(message: string): BulkheadError {
  return new BulkheadError({ code: 'FLEET_IMPORTS_BUSY', message });
}
