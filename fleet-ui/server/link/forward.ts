import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EVERY_INSTRUMENT, SensorApiParamsSchema, SensorParamsSchema } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { z } from 'zod';
import type { FleetApp, Person } from '../web/index.ts';
import type { Answer } from './answer.ts';
import type { Links } from './links.ts';
import { AUDITED_READS, FORWARDED, rightFor, rolesOn } from './rights.ts';

const BASE = '/api/v1/sensors/:id/api/v1';
const BODY_BYTES = 192 << 10;
const QUERY_CHARACTERS = 4_096;
/** One spelling for one path: no escapes, no empty or dot segments. */
const PATH = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]{0,63})*$/;
const DEADLINE_MS = 30_000;
/** Answers that come line by line, perhaps without end; whoever follows them asks again after that time. */
const STREAMED = new Set(['events', 'search/export']);
const SEARCHES = new Set(['search', 'search/export', 'data/find']);
const STREAM_DEADLINE_MS = 600_000;
/** Silent connections are ended by listeners and proxies. Readers of lines skip empty ones. */
const SIGN_OF_LIFE_MS = 15_000;

const BodySchema = z.record(z.string(), z.unknown()).nullish();
const ParamsSchema = z.union([SensorApiParamsSchema, SensorParamsSchema]);

/**
 * The sensors' own APIs by way of the fleet. Who may what is decided here by address and person, and by the sensor once more:
 * it has its own list of what a fleet may ask, and is told who asks and in which role.
 */
export function forwardRoutes(app: FleetApp, links: Pick<Links, 'ask'>): void {
  for (const { method, right, paths } of FORWARDED) {
    for (const path of paths) {
      app.route({
        method,
        url: `${BASE}/${path}`,
        exposeHeadRoute: false,
        bodyLimit: BODY_BYTES,
        config: { right, sensorParam: 'id', ...auditOf(method, path) },
        schema: {
          summary:
            path === '*'
              ? `The rest of the sensor's own API, ${method}`
              : `The sensor's own API: ${method} /v1/${path}`,
          tags: ['sensors'],
          params: path.endsWith('*') ? SensorApiParamsSchema : SensorParamsSchema,
          ...(method === 'POST' ? { body: BodySchema } : {}),
        },
        handler: (request, reply) => forward(request, reply, links),
      });
    }
  }
}

async function forward(
  request: FastifyRequest,
  reply: FastifyReply,
  links: Pick<Links, 'ask'>,
): Promise<FastifyReply> {
  const { id } = ParamsSchema.parse(request.params);
  const { path, query } = pathOf(request);
  const { person } = request;
  const right = rightFor(request.method, path);
  if (person === undefined || right === undefined) throw denied(request.method, path);
  const check = () => {
    if (!person.may(right, id, EVERY_INSTRUMENT)) throw denied(request.method, path);
  };
  check();
  // Each thing that was searched for is a line of its own.
  if (SEARCHES.has(path)) request.audited = { target: `${id} ${shownQuery(query)}`.slice(0, 300) };
  const gone = new AbortController();
  reply.raw.once('close', () => {
    gone.abort();
  });
  const streamed = STREAMED.has(path);
  const body = bodyOf(request);
  const answer = await links.ask(id, {
    method: request.method,
    path: `/v1/${path}${query}`,
    user: userOf(person),
    roles: rolesOn(person, id, right),
    deadlineMs: streamed ? STREAM_DEADLINE_MS : DEADLINE_MS,
    signal: gone.signal,
    ...(body === undefined ? {} : { body }),
  });
  const lines = streamed && answer.status === 200;
  const csv = /[?&]format=csv(&|$)/.test(query);
  const parts = lines && !csv ? withSignsOfLife(answer) : answer;
  return reply
    .code(answer.status)
    .type(
      lines ? (csv ? 'text/csv; charset=utf-8' : 'application/x-ndjson') : 'application/json; charset=utf-8',
    )
    .header('cache-control', 'no-store')
    .send(Readable.from(streamed ? checkedAll(parts, check) : parts, { objectMode: false }));
}

function auditOf(method: 'GET' | 'POST', path: string): { audit?: string } {
  const audit = method === 'POST' ? 'sensor.ask' : AUDITED_READS[path];
  return audit === undefined ? {} : { audit };
}

/** Without the place in a list: who turns a page goes on with the same search. */
function shownQuery(query: string): string {
  const parts = [...new URLSearchParams(query)].filter(([name]) => name !== 'cursor' && name !== 'limit');
  return parts.map(([name, value]) => `${name}=${value}`).join(' ');
}

/** The address as it was sent, below the sensor's `/v1/`. @throws BulkheadError FLEET_LINKS_ASK_INVALID */
function pathOf(request: FastifyRequest): { path: string; query: string } {
  const url = request.raw.url ?? '';
  const cut = url.indexOf('?');
  const [, path = ''] =
    /^\/api\/v1\/sensors\/s_[a-z2-7]{16}\/api\/v1\/(.*)$/.exec(cut < 0 ? url : url.slice(0, cut)) ?? [];
  const query = cut < 0 ? '' : url.slice(cut);
  if (
    path.length > 300 ||
    !PATH.test(path) ||
    query.length > QUERY_CHARACTERS ||
    !/^[\x21\x22\x24-\x7e]*$/.test(query)
  ) {
    throw new BulkheadError({
      code: 'FLEET_LINKS_ASK_INVALID',
      message: "The address below the sensor's API is not in its plain form.",
    });
  }
  return { path, query };
}

function bodyOf({ method, body }: FastifyRequest): Buffer | undefined {
  return method === 'POST' && body !== undefined && body !== null
    ? Buffer.from(JSON.stringify(body))
    : undefined;
}

/** As the sensor writes it into its history. */
function userOf({ name, id }: Person): string {
  return (name === '' ? id : name).slice(0, 256);
}

/**
 * For as long as `check` does not throw: the sensor may leave the group by which somebody may read it. Broken off then, so that nobody
 * takes it for whole.
 */
async function* checkedAll(parts: AsyncIterable<Buffer>, check: () => void): AsyncGenerator<Buffer> {
  for await (const part of parts) {
    check();
    yield part;
  }
}

/** An empty line where nothing comes for a while. */
async function* withSignsOfLife(answer: Answer): AsyncGenerator<Buffer> {
  const parts = answer[Symbol.asyncIterator]();
  let next = parts.next();
  // Nobody waits for it yet when the reader has left.
  next.catch(() => undefined);
  try {
    for (;;) {
      const part = await within(next, SIGN_OF_LIFE_MS);
      if (part === undefined) {
        yield NEW_LINE;
        continue;
      }
      if (part.done === true) return;
      yield part.value;
      next = parts.next();
      next.catch(() => undefined);
    }
  } finally {
    answer.cancel();
  }
}

const NEW_LINE = Buffer.from('\n');

async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  return Promise.race([promise, late]).finally(() => {
    clearTimeout(timer);
  });
}

function denied(method: string, path: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_LINKS_ASK_DENIED',
    message: `You may not ask a sensor ${method} /v1/${path}.`,
    fields: { method, path },
  });
}
