import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import {
  EVENTS_MIGRATIONS,
  fleetEvents,
  type FleetEvents,
  type RuleManagers,
} from '@bulkhead/fleet-server/events';
import { openStore } from '@bulkhead/fleet-server/store';
import { openWeb, type FleetFeature, type Person } from '@bulkhead/fleet-server/web';
import { site, sitePaths } from '@bulkhead/platform/kernel';
import { sqliteBinding } from '../event-store.ts';
import { bundleFleetEventsWorker } from './event-bench.ts';
import { HUB_LOG } from './hub-bench.ts';
import { openUplinkSensor } from './uplink-bench.ts';
import { wholeAnswer } from './whole-answer.ts';

/** The events of a fleet behind its web part, and sensors that bring them. */
export interface EventsWeb {
  events: FleetEvents;
  sensors: Awaited<ReturnType<typeof openUplinkSensor>>[];
  /** Calls the listeners for changed rights. */
  rightsChanged: () => void;
  /** @param rights `right` (everywhere), `right@sensor`, `right@sensor/instrument`; separated by commas */
  ask(path: string, rights: string, init?: RequestInit & { person?: string }): Promise<Response>;
  /** The whole of what is answered, see {@link wholeAnswer}. */
  json<T>(path: string, rights: string, init?: RequestInit & { person?: string }): Promise<T>;
  /** Sends JSON. */
  send(
    method: string,
    path: string,
    rights: string,
    body?: unknown,
    person?: string,
  ): Promise<{ status: number; json: unknown }>;
  dispose(): Promise<void>;
}

/** @param parts.sensors ids of sensors whose uplinks are opened */
export async function openEventsWeb(parts: {
  sensors: readonly string[];
  ruleManagers?: RuleManagers;
}): Promise<EventsWeb> {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-events-web-'));
  const programDir = join(dir, 'program');
  await bundleFleetEventsWorker(programDir);
  await copyFile(sqliteBinding(), join(programDir, 'better_sqlite3.node'));
  const store = openStore({ dir: join(dir, 'state'), migrations: EVENTS_MIGRATIONS, log: HUB_LOG });
  let rightsChanged: () => void = () => undefined;
  const events = fleetEvents({
    ...{ stateDir: join(dir, 'state'), programDir, natsServer: sitePaths(site()).natsServer },
    ...{ keeping: { retentionDays: 30, storeMib: 1024 }, replicas: 1, bufferMib: 64, log: HUB_LOG },
    db: store.db,
    ruleManagers: parts.ruleManagers ?? {
      instrumentsOf: () => undefined,
      call: () => Promise.reject(new Error('there is no rule manager')),
    },
    nameOf: () => undefined,
    onRightsChange: (listener) => (rightsChanged = listener),
  });
  const web = await openWeb({
    ...{ log: HUB_LOG, version: '0.1.0', tls: undefined, knowsHost: () => true },
    ...{ instrumentHosts: '*.localhost', features: [peopleByHeader(), events.feature], pagesDir: undefined },
  });
  await events.feature.start();
  const base = `http://127.0.0.1:${String(await web.listen('127.0.0.1', 0))}/api/v1/events`;
  const sensors: EventsWeb['sensors'] = [];
  for (const id of parts.sensors) {
    // As the link does: the sensor's bytes, and the key that it said.
    const connect = (sensor: string, key: string) => {
      const [near, far] = duplexPair();
      events.uplink(sensor, far, key);
      return Promise.resolve(near);
    };
    const sensor = await openUplinkSensor(() => ({ connect }), { id });
    sensors.push(sensor);
    await sensor.start();
  }
  const ask: EventsWeb['ask'] = (path, rights, { person = 'p_ann', ...init } = {}) =>
    fetch(base + path, { ...init, headers: { 'x-rights': rights, 'x-person': person, ...init.headers } });
  return {
    ...{ events, sensors, ask },
    rightsChanged: () => {
      rightsChanged();
    },
    json: async <T>(...asked: Parameters<EventsWeb['ask']>) =>
      wholeAnswer(async () => (await (await ask(...asked)).json()) as T),
    send: async (method, path, rights, body, person) => {
      const reply = await ask(path, rights, {
        method,
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
        ...(person === undefined ? {} : { person }),
      });
      return { status: reply.status, json: await reply.json() };
    },
    dispose: async () => {
      for (const sensor of sensors) await sensor.dispose();
      await web.close();
      await events.feature.stop();
      store.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Somebody with exactly the rights that the request names. */
function peopleByHeader(): FleetFeature {
  return {
    ...{ name: 'people', start: async () => undefined, stop: async () => undefined },
    guard: {
      onRequest: async (request) => {
        const rights = String(request.headers['x-rights'] ?? '').split(',');
        const may: Person['may'] = (right, sensor, instrument) =>
          rights.some((one) => {
            const [held, place] = one.split('@');
            if (held !== right) return false;
            if (place === undefined || sensor === undefined) return true;
            return place === (place.includes('/') ? `${sensor}/${instrument ?? ''}` : sensor);
          });
        const id = String(request.headers['x-person'] ?? 'p_ann');
        request.person = { id, name: id.slice(2), roles: ['analyst'], may };
      },
    },
  };
}
