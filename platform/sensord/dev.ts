import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { NameSchema } from '../contracts/index.ts';
import { parseStrict } from '../kernel/index.ts';
import { DevInstruments, DevRequestSchema } from './dev-instruments.ts';
import type { Feature, FeatureContext } from './feature.ts';
import { loadPackageFrom } from './library.ts';
import { newLines } from './new-lines.ts';

/** An instrument whose developer does not hold a session ends after this long. */
const ALONE_MS = 6_000;
const LOOK_EVERY_MS = 300;
const LOG_LINES = 2_000;
const ParamsSchema = z.strictObject({ name: NameSchema });

/**
 * Runs instruments of developers: `POST /v1/dev/instruments` runs one, `GET …/:name/session` tells how it goes and keeps it
 * alive, `POST …/:name/end` ends it. Whoever may do this is root already: the API is root's alone.
 */
export function devFeature(context: FeatureContext): Feature {
  const { site, log, sensor, rooms, configuration } = context;
  const instruments = new DevInstruments({
    site,
    log,
    overlay: sensor.overlay,
    configured: () => configuration.desired,
    load: (dir) => loadPackageFrom({ site, ...rooms.packages }, dir),
    release: (name) => {
      sensor.release(name);
    },
    settle: () => sensor.settle(),
    destroyVolume: (name) => rooms.storage.destroy(name),
  });
  const sessions = new Map<string, number>();
  const alone = new Map<string, NodeJS.Timeout>();
  const endWhenAlone = (name: string) => {
    clearTimeout(alone.get(name));
    const timer = setTimeout(() => {
      if ((sessions.get(name) ?? 0) === 0) void instruments.end(name);
    }, ALONE_MS);
    alone.set(name, timer.unref());
  };
  const join = (name: string) => {
    sessions.set(name, (sessions.get(name) ?? 0) + 1);
  };
  const leave = (name: string) => {
    sessions.set(name, (sessions.get(name) ?? 1) - 1);
    endWhenAlone(name);
  };

  async function* session(name: string, signal: AbortSignal): AsyncGenerator<string> {
    let told = '';
    let seen: readonly string[] = [];
    while (!signal.aborted) {
      if (!sensor.overlay.has(name)) break;
      const { state, health, detail } = glance(name);
      const lines = await rooms.runtime.log(name, { lines: LOG_LINES }).catch(() => seen);
      for (const line of newLines(seen, lines)) yield `${JSON.stringify({ kind: 'log', line })}\n`;
      seen = lines;
      const now = JSON.stringify({ kind: 'state', state, health, detail });
      if (now !== told) yield `${now}\n`;
      told = now;
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** What is known of an instrument without looking at the machine: asking often costs nothing. */
  const glance = (name: string) => {
    const { manifest, enabled } = sensor.instrument(name);
    const container = sensor.containers.find((one) => one.name === name);
    const running = container?.status === 'running';
    const standing = sensor.supervisor.standing(name);
    const said = running ? sensor.poller.health(name) : undefined;
    const detail = said?.detail ?? (standing.state === 'free' ? undefined : standing.reason);
    return {
      version: container?.labels['version'] ?? manifest.version,
      state: running
        ? 'running'
        : !enabled
          ? 'disabled'
          : standing.state === 'free'
            ? 'starting'
            : standing.state,
      health: said?.state ?? 'unknown',
      ...(detail === undefined ? {} : { detail }),
    };
  };
  const nameOf = (params: unknown) =>
    parseStrict(ParamsSchema, params, 'SENSORD_REQUEST_INVALID', 'The request').name;
  return {
    name: 'dev',
    routes: (app: FastifyInstance) => {
      app.get('/v1/instruments/:name', (request) => glance(nameOf(request.params)));
      app.post('/v1/dev/instruments', async (request) => {
        const asked = parseStrict(DevRequestSchema, request.body, 'SENSORD_REQUEST_INVALID', 'The request');
        // Who starts it is with it: the wait after an earlier session of this name must not end it while it starts.
        join(asked.name);
        try {
          return await instruments.run(asked);
        } finally {
          leave(asked.name);
        }
      });
      app.post('/v1/dev/instruments/:name/end', async (request) => {
        const name = nameOf(request.params);
        await instruments.end(name);
        return { ended: name };
      });
      app.get('/v1/dev/instruments/:name/session', async (request, reply) => {
        const name = nameOf(request.params);
        const aborter = new AbortController();
        join(name);
        request.raw.on('close', () => {
          aborter.abort();
          leave(name);
        });
        reply.type('application/x-ndjson');
        return reply.send(Readable.from(session(name, aborter.signal)));
      });
    },
    start: () => instruments.sweep(),
    stop: () => {
      for (const timer of alone.values()) clearTimeout(timer);
      return Promise.resolve();
    },
  };
}
