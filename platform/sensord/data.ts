import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  DataKeeper,
  keyFingerprint,
  parseSubject,
  type PurgeOutcome,
  type ReportHead,
} from '../data/index.ts';
import { parseStrict } from '../kernel/index.ts';
import { logSource } from './data-logs.ts';
import { setAsideSource } from './data-set-aside.ts';
import { streamSource } from './data-streams.ts';
import { instrumentSources, otherVolumes } from './data-volumes.ts';
import type { Feature, FeatureContext } from './feature.ts';
import { waitDays } from './held-back.ts';
import { SENSORD_VERSION } from './version.ts';

/** A client waits so long for a purge; then it goes on without the client. */
const PURGE_ANSWER_MS = 60_000;

const subject = z.string().min(1).max(300);
const asked = {
  reason: z.string().trim().min(1, 'a reason is needed').max(500),
  by: z.string().min(1).max(200).default('root of the sensor'),
};
const FindSchema = z.strictObject({ subject });
const HoldSchema = z.strictObject({ subject, hold: z.boolean(), ...asked });
const PurgeSchema = z.strictObject({
  subject,
  ...asked,
  requestId: z
    .string()
    .regex(/^[A-Za-z0-9-]{8,64}$/)
    .optional(),
});
const ExportSchema = z.strictObject({
  kind: z.enum(['export', 'backup', 'support-bundle']),
  what: z.string().min(1).max(500),
  where: z.string().min(1).max(1_000),
  by: asked.by,
  records: z.int().min(0).optional(),
  bytes: z.int().min(0).optional(),
  oldest: z.iso.datetime({ offset: true }).optional(),
  newest: z.iso.datetime({ offset: true }).optional(),
});

/** Data report, find, hold, purge and the check of retention: joins the data room with those that keep data. */
export function dataFeature(context: FeatureContext): Feature {
  const { site, log, rooms, configuration, data } = context;
  const desired = () => configuration.desired;
  const parts = { ...rooms, site, desired, containers: () => context.sensor.containers };
  data.register(
    streamSource({ bus: rooms.bus, desired, waitDays: (stream) => waitDays(context.features(), stream) }),
  );
  data.register(() => instrumentSources(parts));
  data.register(otherVolumes(parts));
  data.register(setAsideSource(site));
  data.register(
    logSource({
      site,
      revisionTimes: () => configuration.revisions.list().map(({ revision }) => revision.time),
    }),
  );
  const keeper = new DataKeeper({
    dir: join(site.stateDir, 'data'),
    log,
    secret: (purpose) => rooms.storage.deriveSecret(purpose),
    sources: data,
    head: () => reportHead(context),
    publish: context.publish,
  });
  const opened = keeper.open();
  opened.catch(() => undefined); // awaited by `start` and by every route
  return {
    name: 'data',
    start: async () => {
      await opened;
      keeper.start();
    },
    stop: () => keeper.stop(),
    attention: () => keeper.attention(),
    routes: (app) => {
      routes(app, keeper, opened, context);
    },
  };
}

function routes(
  app: FastifyInstance,
  keeper: DataKeeper,
  opened: Promise<void>,
  { data }: FeatureContext,
): void {
  app.get('/v1/data/report', async () => {
    await opened;
    return keeper.report();
  });
  app.get('/v1/data/key', () => ({
    algorithm: 'Ed25519',
    publicKey: keeper.publicKey,
    fingerprint: keyFingerprint(keeper.publicKey),
  }));
  app.get('/v1/data/find', async (request) => {
    await opened;
    return keeper.find(parseSubject(parsed(FindSchema, request.query).subject));
  });
  app.get('/v1/data/holds', async () => {
    await opened;
    return { holds: keeper.holds() };
  });
  app.post('/v1/data/hold', async (request) => {
    await opened;
    const { subject: text, hold, ...who } = parsed(HoldSchema, request.body);
    return hold ? keeper.hold(parseSubject(text), who) : keeper.release(parseSubject(text), who);
  });
  app.get('/v1/data/purges', async () => {
    await opened;
    return {
      purges: keeper.unfinishedPurges().map(({ done, ...purge }) => ({ ...purge, done: Object.keys(done) })),
    };
  });
  app.post('/v1/data/purge', async (request) => {
    await opened;
    const { subject: text, requestId = randomUUID(), reason, by } = parsed(PurgeSchema, request.body);
    return within(keeper.purge(parseSubject(text), { reason, by, requestId }), requestId);
  });
  app.post('/v1/data/check', async () => {
    await opened;
    return { attention: (await keeper.round()).attention };
  });
  app.post('/v1/data/clock/confirm', async () => {
    await opened;
    await keeper.confirmClock();
    return { confirmed: true };
  });
  app.post('/v1/data/exports', async (request) => {
    await opened;
    const { records, bytes, oldest, newest, ...rest } = parsed(ExportSchema, request.body);
    await data.recordExport({
      ...rest,
      ...(records === undefined ? {} : { records }),
      ...(bytes === undefined ? {} : { bytes }),
      ...(oldest === undefined ? {} : { oldest }),
      ...(newest === undefined ? {} : { newest }),
    });
    return { recorded: true };
  });
}

async function within(work: Promise<PurgeOutcome>, requestId: string): Promise<PurgeOutcome> {
  work.catch(() => undefined); // when the client no longer waits, the journal and the list of purges tell
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<PurgeOutcome>((resolve) => {
    timer = setTimeout(() => {
      const waiting = [{ source: 'the sensor', error: 'it is still at work, and goes on by itself' }];
      resolve({ requestId, finished: false, results: [], waiting });
    }, PURGE_ANSWER_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function reportHead({ configuration, rooms }: FeatureContext): ReportHead {
  const { digest, loadedAt, revision } = configuration.state;
  const bus = rooms.bus.serverVersion();
  return {
    sensor: configuration.desired.sensor,
    versions: {
      sensord: SENSORD_VERSION,
      lxd: rooms.lxdVersion,
      ...(bus === undefined ? {} : { 'nats-server': bus }),
      ...configuration.versions,
    },
    configuration: {
      digest,
      loadedAt: loadedAt.toISOString(),
      ...(revision === undefined
        ? {}
        : { revision: { number: revision.number, author: revision.author, time: revision.time } }),
    },
  };
}

function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  return parseStrict(schema, value, 'SENSORD_REQUEST_INVALID', 'The request');
}
