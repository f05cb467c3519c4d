import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { NameSchema, type Hardware } from '../contracts/index.ts';
import {
  FleetLink,
  machineFacts,
  type AppliedConfig,
  type Pace,
  type SensorApi,
} from '../fleet-link/index.ts';
import { BulkheadError, parseStrict, sitePaths } from '../kernel/index.ts';
import { SETTLE_TIMEOUT_MS, type ChangeOutcome, type ChangeRequest } from './config-change.ts';
import { parseSensorConfig } from './config-file.ts';
import type { Feature, FeatureContext } from './feature.ts';
import { SENSORD_VERSION } from './version.ts';

/** Looking at network interfaces runs programs; between two reconnections nobody changes cards. */
const HARDWARE_MS = 60_000;

const JoinSchema = z.strictObject({
  token: z.string().max(1000),
  proxy: z.string().max(1000).optional(),
  name: NameSchema.optional(),
  replace: z.boolean().default(false),
});

/** The sensor's end of its fleet, for those who send something there. */
export interface FleetFeature extends Feature {
  name: 'fleet';
  /** Id in the fleet; undefined when the sensor belongs to none. */
  sensorId: () => string | undefined;
  up: () => boolean;
  /** Called with each change of `up`. @returns ends it */
  watch: (changed: (up: boolean) => void) => () => void;
  /**
   * A stream of bytes to the fleet's bus; ends with the link.
   * @param publicKey (nkey) of the sensor's bus. @throws BulkheadError FLEET_LINK_DOWN
   */
  openUplink: (publicKey: string) => Promise<Duplex>;
  /** Something that people of the fleet may want to know at once. @throws BulkheadError FLEET_LINK_DOWN */
  notify: (notice: { kind: string } & Record<string, unknown>) => Promise<void>;
}

/** The link among all features, for another feature that uses it once everything was opened. */
export function fleetOf(features: readonly Feature[]): FleetFeature | undefined {
  return features.find((feature): feature is FleetFeature => feature.name === 'fleet');
}

/**
 * Joins the room that keeps in touch with the fleet with what the fleet may see and do here.
 * @param pace where the link's own does not suit
 */
export function fleetFeature(context: FeatureContext, pace: Partial<Pace> = {}): FleetFeature {
  const { site, log, rooms, configuration, status, sensor } = context;
  const paths = sitePaths(site);
  const agent = new Agent({ connect: { socketPath: paths.sensordSocket }, bodyTimeout: 0 });
  const link = new FleetLink({
    log,
    dir: join(site.stateDir, 'fleet'),
    version: SENSORD_VERSION,
    hardware: remembered(() =>
      machineFacts({
        checkDevice: (device) => rooms.network.checkDevice(device),
        isOurs: (device) => device.startsWith(site.prefix) && device.includes('-'),
      }),
    ),
    status,
    api: apiThrough(agent),
    pages: {
      refuses: (instrument) => {
        const one = sensor.desired.instruments.find(({ name }) => name === instrument);
        if (one === undefined) return 'there is no such instrument on this sensor';
        if (!one.enabled) return 'it is switched off';
        return one.rights.ui ? undefined : 'it is not granted `ui`';
      },
      connect: (instrument, signal) => connectPage(paths.pageSocket(instrument), signal),
    },
    config: () => configuration.revisions.current?.document,
    claimsOf,
    applyConfig: (document, author, reason) => applyConfig(context, document, author, reason),
    goBack: async (from, to, reason) => {
      await applied(context, {
        document: configuration.revisions.get(to).revision.document,
        author: 'sensor',
        reason,
        origin: 'rollback',
        restores: to,
        // Whoever changed it at the sensor meanwhile knows better.
        expectRevision: from,
        timeoutMs: SETTLE_TIMEOUT_MS,
        watch: 'steps',
      });
    },
    pace,
  });
  return {
    name: 'fleet',
    sensorId: () => link.sensor,
    up: () => link.up,
    watch: (changed) => link.watch(changed),
    openUplink: (publicKey) => link.openUplink(publicKey),
    notify: (notice) => link.notify(notice),
    start: () => link.start(),
    stop: async () => {
      await link.stop();
      await agent.destroy();
    },
    attention: () => link.attention(),
    routes: (app: FastifyInstance) => {
      app.get('/v1/fleet', async () => {
        await link.open();
        return link.status();
      });
      app.post('/v1/fleet/join', (request) =>
        link.join(parseStrict(JoinSchema, request.body, 'SENSORD_REQUEST_INVALID', 'The request')),
      );
      app.post('/v1/fleet/leave', () => link.leave());
    },
  };
}

/** What a document would take of the machine. @throws BulkheadError SENSORD_CONFIG_INVALID */
export function claimsOf(document: string): { devices: string[]; files: string[] } {
  const { monitorInterfaces, activeInterfaces, instruments, metrics } = parseSensorConfig(
    document,
    'of the fleet',
  );
  // A VLAN leaves the device that it is of as it is.
  const active = activeInterfaces.filter(({ vlan }) => vlan === undefined);
  const files = instruments.flatMap(({ name, resources }) =>
    Object.values(resources).map((path) => `${path} for ${name}`),
  );
  return {
    devices: [...monitorInterfaces, ...active].map(({ device }) => device),
    files: metrics.tokenFile === undefined ? files : [...files, `${metrics.tokenFile} for metrics`],
  };
}

/** The sensor's own API over its own socket: the same checks, errors and streams as for those who stand at the sensor. */
function apiThrough(agent: Agent): SensorApi {
  return async ({ method, path, body, signal }) => {
    const answer = await request(`http://sensord${path}`, {
      method,
      dispatcher: agent,
      signal,
      headersTimeout: 0, // the signal is the deadline
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
    });
    return { status: answer.statusCode, body: answer.body as AsyncIterable<Buffer> };
  };
}

async function applyConfig(
  context: FeatureContext,
  document: string,
  author: string,
  reason: string,
): Promise<AppliedConfig> {
  const { changed, revision } = await applied(context, {
    document,
    author,
    reason,
    origin: 'apply',
    timeoutMs: SETTLE_TIMEOUT_MS,
  });
  const { revisions } = context.configuration;
  return { revision, before: changed ? revisions.get(revision).revision.basedOn : undefined };
}

/** @throws BulkheadError FLEET_LINK_CONFIG_INTERRUPTED when the sensor ends meanwhile; what a change throws. */
async function applied({ changes }: FeatureContext, request: ChangeRequest): Promise<ChangeOutcome> {
  try {
    return await changes.apply(request);
  } catch (error) {
    if (!isEnding(error)) throw error;
    throw new BulkheadError({
      code: 'FLEET_LINK_CONFIG_INTERRUPTED',
      message: 'The sensor is ending; the configuration is brought in force after its next start.',
      hint: 'Nothing is to be done: it is tried again then.',
      cause: error,
    });
  }
}

/** The change was not refused and did not fail: sensord ends, in order. */
function isEnding(error: unknown): boolean {
  if (error instanceof BulkheadError) {
    return error.code === 'SENSORD_CONFIG_ROLLED_BACK' && error.fields['rolledBackTo'] === undefined;
  }
  return (error as { name?: string }).name === 'AbortError';
}

/** Both directions end for themselves: a page may answer after the whole question was sent. */
async function connectPage(path: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    const give = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    const abort = (): void => {
      give(new Error('it does not answer in time'));
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', give);
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', give);
      resolve(socket);
    });
  });
}

function remembered(look: () => Promise<Hardware>): () => Promise<Hardware> {
  let last: { facts: Promise<Hardware>; atMs: number } | undefined;
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.atMs > HARDWARE_MS) last = { facts: look(), atMs: now };
    return last.facts;
  };
}
