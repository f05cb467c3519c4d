import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GrantedRight } from '@bulkhead/fleet-api';
import { Ca, CA_MIGRATIONS, Certificates, readRequest } from '@bulkhead/fleet-server/ca';
import {
  Sensors,
  SENSORS_MIGRATIONS,
  sensorsFeature,
  type Audit,
  type SensorLinks,
} from '@bulkhead/fleet-server/sensors';
import { openStore, type Store } from '@bulkhead/fleet-server/store';
import { openWeb, type FleetFeature, type Person, type Web } from '@bulkhead/fleet-server/web';
import { HardwareSchema, type AdoptReply } from '@bulkhead/platform/contracts';
import { openLog } from '@bulkhead/platform/kernel';
import { sensorKey, type SensorKey } from './fleet-sensor-keys.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const OPERATOR = { id: 'p_1', name: 'olga' };

/** What was handed to a sensor. */
export interface Handed {
  sensor: string;
  revision: number;
  yaml: string;
  author: string;
  reason: string;
}

/** The rooms `ca`, `store`, `sensors` and `web` as fleetd joins them; links and clock are in the test's hand. */
export interface SensorsBench {
  sensors: Sensors;
  ca: Ca;
  certificates: Certificates;
  store: Store;
  web: Web;
  /** Who is attached. */
  present: Set<string>;
  handed: Handed[];
  /** Lines of the audit log. */
  written: Parameters<Audit['write']>[0][];
  revoked: string[];
  clock: { ms: number };
  links: SensorLinks;
  /** A code, made and used as a sensor would. */
  adopt: (wanted?: Partial<Wanted>) => Promise<AdoptReply & { key: SensorKey }>;
  /** Sends a request as that person (the one of `people` with this name). */
  ask: (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    body?: unknown,
    person?: string,
  ) => Promise<{ status: number; body: any }>; // eslint-disable-line @typescript-eslint/no-explicit-any -- a test looks into it as it likes
  people: Map<string, Person>;
  close: () => Promise<void>;
}

interface Wanted {
  name: string;
  ownName: string;
  groupId: string;
  replaces: string;
  config: string;
  nics: unknown[];
  key: SensorKey;
}

export const NICS = [
  { device: 'eth0', monitorCapable: false, why: 'it carries the default route' },
  { device: 'enp1s0', monitorCapable: true, link: true },
  { device: 'enp2s0', monitorCapable: true },
];

export const CONFIG = `version: 1
sensor: { name: ward-3 }
monitorInterfaces: [{ name: mon, device: enp1s0 }]
instruments:
  - { name: suricata, package: suricata, interfaces: { mon0: mon }, grants: { publish: [alert] } }
`;

/** Somebody who may do anything, or only what is listed and there. */
export function person(name: string, only?: { rights: GrantedRight[]; sensors?: () => string[] }): Person {
  return {
    id: `p_${name}`,
    name,
    roles: ['operator'],
    may: (right, sensor) => {
      if (only === undefined) return true;
      if (!only.rights.includes(right)) return false;
      return sensor === undefined || only.sensors === undefined || only.sensors().includes(sensor);
    },
  };
}

export async function openSensorsBench(): Promise<SensorsBench> {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-sensors-'));
  const clock = { ms: Date.parse('2026-11-21T10:00:00Z') };
  const log = openLog('test', 'silent');
  const now = () => clock.ms;
  const store = openStore({ dir, migrations: [...CA_MIGRATIONS, ...SENSORS_MIGRATIONS], log });
  const ca = await Ca.open({ dir: join(dir, 'ca'), names: ['127.0.0.1'], log, now });
  const certificates = new Certificates(store.db, now);
  const present = new Set<string>();
  const handed: Handed[] = [];
  const written: SensorsBench['written'] = [];
  const revoked: string[] = [];
  const links: SensorLinks = {
    attached: (sensor) => present.has(sensor),
    desire: (sensor, revision, yaml, author, reason) => {
      handed.push({ sensor, revision, yaml, author, reason });
    },
  };
  const sensors = new Sensors({
    db: store.db,
    ca: {
      certificate: ca.certificate,
      fingerprint: ca.fingerprint,
      readRequest,
      issue: (sensor, key) => ca.issue(sensor, key),
      identify: (certificate) => ca.identify(certificate),
    },
    certificates,
    links,
    audit: { write: (line) => void written.push(line) },
    log,
    webAddress: () => ({ host: 'fleet.example.org', port: 8443 }),
    linkAddress: () => 'fleet.example.org:8444',
    now,
  });
  sensors.onRevoked((sensor) => revoked.push(sensor));
  const people = new Map([['olga', person('olga')]]);
  const guard: FleetFeature = {
    name: 'guard',
    start: async () => undefined,
    stop: async () => undefined,
    guard: {
      onRequest: async (request) => {
        const known = people.get(String(request.headers['x-person']));
        if (known !== undefined) request.person = known;
      },
    },
  };
  const web = await openWeb({
    log,
    version: '0',
    tls: undefined,
    knowsHost: () => true,
    instrumentHosts: '*.localhost:*',
    features: [guard, sensorsFeature(sensors)],
    pagesDir: undefined,
  });
  return {
    sensors,
    ca,
    certificates,
    store,
    web,
    present,
    handed,
    written,
    revoked,
    clock,
    links,
    people,
    adopt: async ({ name, ownName, groupId, replaces, config, nics = NICS, key } = {}) => {
      const { code } = sensors.codes.make({ name, groupId, replaces, expiresInS: 3600 }, 'olga');
      const own = key ?? (await sensorKey());
      const { reply } = await sensors.enrolment.adopt(
        {
          code,
          csr: own.csr,
          hardware: HardwareSchema.parse({ nics }),
          version: '0.1.0',
          ...(ownName === undefined ? {} : { name: ownName }),
          ...(config === undefined ? {} : { config }),
        },
        '192.0.2.1',
      );
      return { ...reply, key: own };
    },
    ask: async (method, url, body, as = 'olga') => {
      const reply = await web.app.inject({
        method,
        url,
        headers: { 'x-person': as, host: 'fleet.example.org' },
        ...(body === undefined ? {} : { payload: body as object }),
      });
      return { status: reply.statusCode, body: reply.body === '' ? undefined : reply.json() };
    },
    close: async () => {
      await web.close();
      await sensors.settle();
      store.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Lets what was begun in the background (handing over) happen. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
