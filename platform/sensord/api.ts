import { chmod, mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import Fastify, { type FastifyInstance } from 'fastify';
import { z } from 'zod';
import { EventTypeSchema, NameSchema, type SensorStatus, type StoredEvent } from '../contracts/index.ts';
import { BulkheadError, parseStrict, type Logger } from '../kernel/index.ts';

/** What the local API offers; sensord gives it. */
export interface ApiParts {
  log: Logger;
  status: () => Promise<SensorStatus>;
  instrumentLog: (name: string, lines: number) => Promise<string[]>;
  restart: (name: string) => Promise<void>;
  reload: () => Promise<{ changed: boolean }>;
  /** Events from `sinceMs` (epoch; undefined = only new ones) on; follows until aborted when `follow`. */
  events: (filter: EventFilter, signal: AbortSignal) => AsyncIterable<StoredEvent>;
  /** What features answer, each registered once. */
  routes: readonly ((app: FastifyInstance) => void)[];
  /** Takes everything down; resolves when nothing of the sensor is left running. */
  shutdown: () => Promise<void>;
}

const EventFilterSchema = z.strictObject({
  instrument: z.union([NameSchema, z.literal('platform')]).optional(),
  type: EventTypeSchema.optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  last: z.coerce.number().int().min(0).max(100_000).optional(),
  follow: z
    .enum(['0', '1'])
    .default('0')
    .transform((value) => value === '1'),
});
export type EventFilter = z.output<typeof EventFilterSchema>;

const LogQuerySchema = z.strictObject({ lines: z.coerce.number().int().min(1).max(10_000).default(200) });
const ParamsSchema = z.strictObject({ name: NameSchema });

/**
 * The sensor's local API: HTTP on a unix socket that only root may open. No TCP listener.
 * @throws BulkheadError SENSORD_ALREADY_RUNNING when another sensord answers on the socket.
 */
export async function openApi(socketPath: string, parts: ApiParts): Promise<{ close: () => Promise<void> }> {
  const app = Fastify({ bodyLimit: 1 << 20, forceCloseConnections: true, requestTimeout: 0 });
  answerErrors(app, parts.log);
  routes(app, parts);
  for (const add of parts.routes) add(app);
  await listenOn(app, socketPath);
  return {
    close: async () => {
      await app.close();
      await rm(socketPath, { force: true });
    },
  };
}

/** Errors as people and programs get them: code, message, hint and fields; causes go to the log. */
export function answerErrors(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler(async (error, _request, reply) => {
    if (error instanceof BulkheadError) {
      return reply.code(statusOf(error)).send({ error: error.toJSON() });
    }
    const known = (error as { statusCode?: number }).statusCode;
    if (known !== undefined && known < 500) {
      return reply
        .code(known)
        .send({ error: { code: 'SENSORD_REQUEST_INVALID', message: String(error), fields: {} } });
    }
    log.error({ err: error }, 'request failed');
    const text = {
      code: 'SENSORD_INTERNAL',
      message: 'The sensor could not answer; its log says why.',
      fields: {},
    };
    return reply.code(500).send({ error: text });
  });
}

/**
 * Listens on a unix socket that only root may open.
 * @throws BulkheadError SENSORD_ALREADY_RUNNING when another sensord answers on it.
 */
export async function listenOn(app: FastifyInstance, socketPath: string): Promise<void> {
  await takeSocket(socketPath);
  // The folder is root's alone (0700, see run-dir.ts), so nobody can connect between listen and chmod.
  await app.listen({ path: socketPath });
  await chmod(socketPath, 0o600);
}

function routes(app: FastifyInstance, parts: ApiParts): void {
  app.get('/v1/status', () => parts.status());
  app.get('/v1/instruments/:name/log', async (request) => {
    const { name } = parseStrict(ParamsSchema, request.params, 'SENSORD_REQUEST_INVALID', 'The request');
    const { lines } = parseStrict(LogQuerySchema, request.query, 'SENSORD_REQUEST_INVALID', 'The request');
    return { lines: await parts.instrumentLog(name, lines) };
  });
  app.post('/v1/instruments/:name/restart', async (request) => {
    const { name } = parseStrict(ParamsSchema, request.params, 'SENSORD_REQUEST_INVALID', 'The request');
    await parts.restart(name);
    return { restarted: name };
  });
  app.post('/v1/config/reload', () => parts.reload());
  app.post('/v1/shutdown', async () => {
    await parts.shutdown();
    return { stopped: true };
  });
  app.get('/v1/events', async (request, reply) => {
    const filter = parseStrict(EventFilterSchema, request.query, 'SENSORD_REQUEST_INVALID', 'The request');
    const aborter = new AbortController();
    request.raw.on('close', () => {
      aborter.abort();
    });
    reply.type('application/x-ndjson');
    return reply.send(Readable.from(asLines(parts.events(filter, aborter.signal))));
  });
}

async function* asLines(events: AsyncIterable<StoredEvent>): AsyncGenerator<string> {
  yield '\n'; // sends the headers now, and not with the first event, which may be long in coming
  for await (const event of events) yield `${JSON.stringify(event)}\n`;
}

function statusOf(error: BulkheadError): number {
  if (error.code.endsWith('_UNKNOWN')) return 404;
  if (error.code.endsWith('_INVALID')) return 400;
  return 503;
}

/** Removes a socket file that a killed sensord left; refuses when somebody still answers on it. */
async function takeSocket(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await refuseSecond(path);
  await rm(path, { force: true });
}

/** @throws BulkheadError SENSORD_ALREADY_RUNNING when a sensord answers on this socket. */
export async function refuseSecond(path: string): Promise<void> {
  const answered = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => {
      resolve(false);
    });
  });
  if (!answered) return;
  throw new BulkheadError({
    code: 'SENSORD_ALREADY_RUNNING',
    message: `Another sensord answers on ${path}.`,
    hint: 'Stop it first (Ctrl-C where it runs, or its service), or use `bulkhead` to talk to it.',
    fields: { path },
  });
}
