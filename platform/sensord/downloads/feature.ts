import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { BulkheadError, describeError, parseStrict } from '../../kernel/index.ts';
import type { Feature, FeatureContext } from '../feature.ts';
import { ApproveSchema, DecideSchema, DownloadDecisions } from './decisions.ts';
import { JobSender, type JobState } from './job-sender.ts';
import { compileJobs, fetcherName, fetchProblems } from './jobs.ts';
import { downloadAttention, downloadViews } from './overview.ts';
import { DownloadRequests } from './requests.ts';
import { WantedDownloads } from './wanted.ts';

/** How soon a changed list, or a restarted downloader, is noticed. */
const LOOK_EVERY_MS = 1_000;
/** How old what is shown under attention may be. */
const STATES_EVERY_MS = 30_000;
const NOW_MS = 10_000;
/** PEM of several authorities, as JSON. */
const BODY_BYTES = 256 << 10;

const NowSchema = z.strictObject({
  instrument: DecideSchema.shape.instrument,
  name: DecideSchema.shape.name,
  again: z.boolean().default(false),
});

/** Downloads: who wants what, what people decided, and the list for the one instrument that fetches. */
export function downloadsFeature(context: FeatureContext): Feature {
  const { site, log, rooms, sensor, configuration, changes, publish } = context;
  const desired = () => sensor.desired;
  const wanted = new WantedDownloads(join(site.stateDir, 'downloads.json'), log);
  const requests = new DownloadRequests(wanted, desired, publish);
  const decisions = new DownloadDecisions({ wanted, desired, configuration, changes, publish });
  const compiled = () => compileJobs(desired(), configuration.inUse.config.downloads.proxy);
  const sender = new JobSender({
    log,
    bus: rooms.bus,
    desired,
    containers: () => sensor.containers,
    jobs: () => compiled().list,
  });
  const ending = new AbortController();
  let states: readonly JobState[] = [];
  let lookedAt = -Infinity;
  let working = Promise.resolve();
  let endService: () => void = () => undefined;

  const look = async () => {
    const { instruments, problems } = desired();
    await wanted.follow(instruments, new Set(problems.map(({ instrument }) => instrument)));
    await sender.look();
    if (performance.now() - lookedAt < STATES_EVERY_MS) return;
    lookedAt = performance.now();
    states = (await sender.states()) ?? [];
  };
  const work = async () => {
    while (!ending.signal.aborted) {
      await look().catch((error: unknown) => {
        log.warn({ err: error }, `downloads could not be looked after: ${describeError(error)}`);
      });
      await sleep(LOOK_EVERY_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  };
  const views = () => downloadViews(desired(), wanted.list(), states);
  return {
    name: 'downloads',
    start: async () => {
      await wanted.open();
      endService = rooms.bus.serve('download.request', (from, payload) => requests.answer(from, payload));
      working = work();
    },
    stop: async () => {
      endService();
      ending.abort();
      await working;
    },
    attention: () => {
      const { list, leftOut } = compiled();
      return [
        ...downloadAttention(views()),
        ...fetchProblems(desired(), list.jobs.length),
        ...(leftOut.length === 0 ? [] : [`downloads that are too many for one list: ${leftOut.join(', ')}`]),
        ...(sender.fault === undefined ? [] : [sender.fault]),
      ];
    },
    routes: (app) => {
      // People are heard before the feature is started.
      app.get('/v1/downloads', async () => {
        await wanted.open();
        const fresh = await sender.states();
        if (fresh !== undefined) states = fresh;
        return { downloader: fetcherName(desired()), answers: fresh !== undefined, downloads: views() };
      });
      decisionRoutes(app, decisions, () => wanted.open());
      app.post('/v1/downloads/now', async (request) => {
        const { instrument, name, again } = parsed(NowSchema, request.body);
        const to = fetcherName(desired());
        if (to === undefined) throw nobody();
        // Named by the list that is in force, so that one approved a moment ago is known there.
        await sender.look();
        const id = `${instrument}/${name}`;
        const reply = await rooms.bus.send(to, 'download.now', { id, ...(again ? { again } : {}) }, NOW_MS);
        if (!reply.ok) throw notDone(to, reply.code, reply.message);
        return reply.result ?? {};
      });
    },
  };
}

function decisionRoutes(
  app: FastifyInstance,
  decisions: DownloadDecisions,
  opened: () => Promise<void>,
): void {
  app.post('/v1/downloads/approve', { bodyLimit: BODY_BYTES }, async (request) => {
    await opened();
    return decisions.approve(parsed(ApproveSchema, request.body));
  });
  app.post('/v1/downloads/refuse', async (request) => {
    await opened();
    await decisions.refuse(parsed(DecideSchema, request.body));
    return { refused: true };
  });
  app.post('/v1/downloads/revoke', (request) => decisions.revoke(parsed(DecideSchema, request.body)));
}

function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  return parseStrict(schema, value, 'SENSORD_REQUEST_INVALID', 'The request');
}

function nobody(): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_DOWNLOAD_NOBODY',
    message: 'No instrument of this sensor fetches downloads.',
    hint: 'Add an instrument with the package downloader, and grant it `fetch`. Files can also be imported: `bulkhead resources import`.',
  });
}

function notDone(instrument: string, code: string, message: string): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_DOWNLOAD_REFUSED',
    message: `${instrument} did not do it: ${message} (${code})`,
    hint: '`bulkhead downloads list` shows what it has.',
    fields: { instrument, reason: code },
  });
}
