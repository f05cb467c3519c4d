import { createHash, timingSafeEqual } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, chown, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { BulkheadError, describeError, run, type Logger } from '../kernel/index.ts';

/** What the server answers with. */
export interface MetricsAnswers {
  /** Prometheus text. */
  metrics: () => Promise<string>;
  /** Why the sensor does not see; empty = it does. */
  blindness: () => Promise<readonly string[]>;
}

/** Where it listens. */
export type MetricsPlace =
  | {
      /** Socket file, in a folder of its own. Only root, and `group` when given, may connect. */
      path: string;
      group?: string;
    }
  | { host: string; port: number; token: string };

/** Everything that is asked within this time gets one and the same reading: asking often costs nothing. */
const FRESH_MS = 1_000;
const MAX_CONNECTIONS = 32;
const TOKEN_MIN = 16;
const TOKEN_MAX_BYTES = 4096;

/**
 * `GET /metrics`, `/healthz` (this process works) and `/readyz` (the sensor sees; else 503 with reasons), and nothing
 * else. Nothing can be changed here, so those who may look at figures need no right over the sensor.
 * @throws BulkheadError HEALTH_METRICS_GROUP_UNKNOWN; the system's error when it cannot listen.
 */
export async function openMetricsServer(
  place: MetricsPlace,
  answers: MetricsAnswers,
  log: Logger,
): Promise<{ address: string; close: () => Promise<void> }> {
  const app = Fastify({
    bodyLimit: 1024,
    forceCloseConnections: true,
    requestTimeout: 10_000,
    connectionTimeout: 30_000,
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  if ('token' in place) requireToken(app, place.token);
  app.setErrorHandler(async (error, _request, reply) => {
    log.warn({ err: error }, `metrics could not be read: ${describeError(error)}`);
    return reply.code(503).send({ error: 'the sensor could not be looked at; its log says why' });
  });
  const metrics = fresh(answers.metrics);
  const blindness = fresh(answers.blindness);
  app.get('/metrics', async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics()),
  );
  app.get('/healthz', async (_request, reply) => reply.type('application/json').send({ ok: true }));
  app.get('/readyz', async (_request, reply) => {
    const reasons = await blindness();
    return reply.code(reasons.length === 0 ? 200 : 503).send({ ready: reasons.length === 0, reasons });
  });
  if ('path' in place) {
    await listenOnSocket(app, place);
    return {
      address: place.path,
      close: async () => {
        await app.close();
        await rm(place.path, { force: true });
      },
    };
  }
  const address = await app.listen({ host: place.host, port: place.port });
  return { address, close: () => app.close() };
}

/**
 * Reads a bearer token: one line, at least 16 characters, in a file that only its owner may read.
 * @throws BulkheadError HEALTH_METRICS_TOKEN_REFUSED
 */
export async function readTokenFile(path: string): Promise<string> {
  const refuse = (why: string, cause?: unknown) =>
    new BulkheadError({
      code: 'HEALTH_METRICS_TOKEN_REFUSED',
      message: `The token file ${path} cannot be used: ${why}. Nothing listens on the metrics port.`,
      hint: 'Write a random line of 32 characters into it and let only root read it (chmod 0600).',
      fields: { path },
      cause,
    });
  let text: string;
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      if (!stat.isFile() || stat.size > TOKEN_MAX_BYTES) throw refuse('it is not a small regular file');
      if ((stat.mode & 0o077) !== 0) throw refuse('others than its owner may read or write it');
      text = (await file.readFile('utf8')).trim();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof BulkheadError ? error : refuse('it cannot be read', error);
  }
  if (!/^[\x21-\x7e]+$/.test(text) || text.length < TOKEN_MIN) {
    throw refuse(`it must hold one line of at least ${String(TOKEN_MIN)} printable characters`);
  }
  return text;
}

/** Hashed first: the comparison takes the same time whatever the length, and never tells where two tokens differ. */
function requireToken(app: FastifyInstance, token: string): void {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(`Bearer ${token}`);
  app.addHook('onRequest', async (request, reply) => {
    if (timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) return;
    await reply.code(401).header('www-authenticate', 'Bearer').send({ error: 'a bearer token is needed' });
  });
}

async function listenOnSocket(app: FastifyInstance, place: { path: string; group?: string }): Promise<void> {
  const dir = dirname(place.path);
  const gid = place.group === undefined ? 0 : await groupId(place.group);
  // Root's alone until the socket has its owner: nobody can connect between listen and chmod.
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  await rm(place.path, { force: true });
  await app.listen({ path: place.path });
  await chown(place.path, 0, gid);
  await chmod(place.path, 0o660);
  await chown(dir, 0, gid);
  await chmod(dir, 0o710);
}

async function groupId(group: string): Promise<number> {
  const { stdout } = await run('getent', ['group', group], { allowFailure: true });
  const id = Number(stdout.split(':')[2]);
  if (stdout !== '' && Number.isInteger(id)) return id;
  throw new BulkheadError({
    code: 'HEALTH_METRICS_GROUP_UNKNOWN',
    message: `The group ${group}, which may read the metrics, does not exist on this machine.`,
    hint: 'Make it (`addgroup --system NAME`) or change /metrics/socketGroup in the configuration.',
    fields: { group },
  });
}

/** One reading at a time, and none that is younger than FRESH_MS is made again. */
function fresh<T>(read: () => Promise<T>): () => Promise<T> {
  let last: { atMs: number; value: Promise<T> } | undefined;
  return () => {
    if (last !== undefined && performance.now() - last.atMs < FRESH_MS) return last.value;
    const value = read();
    last = { atMs: performance.now(), value };
    value.catch(() => {
      last = undefined;
    });
    return value;
  };
}
