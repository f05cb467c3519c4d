import type { Database } from 'better-sqlite3';
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { formatJoinToken } from '@bulkhead/platform/contracts';
import { BulkheadError, type Logger } from '@bulkhead/platform/kernel';
import { Certificates, readRequest, type Ca } from '../ca/index.ts';
import { linkFeature, LiveHub, openLinkServer, type Links, type LinkServer } from '../link/index.ts';
import type { People } from '../people/index.ts';
import { Sensors, type SensorLinks } from '../sensors/index.ts';
import type { FleetFeature } from '../web/index.ts';
import type { FleetConfig } from './config.ts';
import type { FleetNames } from './names.ts';
import { FLEETD_VERSION } from './version.ts';

/** Sensors and their links, joined. */
export interface JoinedSensors {
  sensors: Sensors;
  server: LinkServer;
  live: LiveHub;
  /** To start before everything that asks sensors. */
  link: FleetFeature;
}

/** What is joined here. */
export interface SensorParts {
  config: FleetConfig;
  names: FleetNames;
  db: Database;
  ca: Ca;
  people: People;
  log: Logger;
  /** Port of the listener for people, once it listens. */
  webPort: () => number;
  /** Called when anybody's rights or sessions changed. */
  onRightsChange: (listener: () => void) => void;
  /** Bytes of a sensor's uplink. */
  onUplink: (sensor: string, stream: Duplex, publicKey: string) => void;
  /** Its uplink is shut out. */
  onRevoked: (sensor: string) => void;
}

/**
 * Who may attach is decided by `sensors` with the book of `ca`; who is attached is known by `link`. Each is told of the other
 * here, and here only.
 */
export function joinSensors(parts: SensorParts): JoinedSensors {
  const { config, names, db, ca, people, log } = parts;
  const live = new LiveHub();
  const certificates = new Certificates(db, Date.now);
  const sensors: Sensors = new Sensors({
    db,
    ca: {
      certificate: ca.certificate,
      fingerprint: ca.fingerprint,
      readRequest,
      issue: (sensor, key) => ca.issue(sensor, key),
      identify: (pemOrDer) => ca.identify(pemOrDer),
    },
    certificates,
    links: linksForSensors(() => server.links),
    audit: { write: (line) => people.audit(line) },
    log,
    webAddress: () => ({ host: names.main, port: parts.webPort() }),
    linkAddress: () => config.link.publicAddress ?? `${hostPart(names.main)}:${server.address.port}`,
  });
  const server: LinkServer = openLinkServer({
    host: config.link.address,
    port: config.link.port,
    tls: tlsOf(ca),
    fleetVersion: FLEETD_VERSION,
    log,
    authorise: ({ sensor, serial, address }) => {
      try {
        sensors.admission.admit(sensor, serial, address);
        return 'ok';
      } catch (error) {
        if (error instanceof BulkheadError) return { code: error.code, message: error.message };
        throw error;
      }
    },
    renew: async ({ sensor, serial, csr }) =>
      (await sensors.admission.renew(sensor, csr, serial)).map((der) => Buffer.from(der)),
    onUplink: parts.onUplink,
  });
  ca.onLinkPair(() => {
    server.setTls(tlsOf(ca));
  });
  sensors.onRevoked((sensor) => {
    server.links.revoke(sensor);
    parts.onRevoked(sensor);
  });
  sensors.onChanged((sensor) => {
    // Removed: what it said last goes too.
    if (sensors.registry.find(sensor) === undefined) server.links.forget(sensor);
  });
  tellSensors(sensors, server.links);
  const link = linkFeature({
    server,
    live,
    nameOf: (sensor) => sensors.registry.find(sensor)?.name,
    onRightsChange: parts.onRightsChange,
  });
  return { sensors, server, live, link };
}

const LOCAL_CODE_S = 900;

/** For whoever starts a sensor and its fleet on one machine: what a person would be shown, without a person. */
export function joinToken(sensors: Sensors, people: People, name: string): string | undefined {
  if (sensors.registry.byName(name) !== undefined) return undefined;
  const { ca, webAddress } = sensors.options;
  const { code, record } = sensors.codes.make({ name, expiresInS: LOCAL_CODE_S }, 'fleetd');
  people.audit({
    action: 'adoption-code.create',
    target: record.id,
    facts: { name, expiresInS: LOCAL_CODE_S },
  });
  return formatJoinToken({ code, ...webAddress(), fingerprint: ca.fingerprint });
}

/** What links notice is written down with the sensor. */
function tellSensors(sensors: Sensors, links: Links): void {
  links.events.on('attached', (sensor, facts) => {
    const { serial, version, address, configRevision, hardware } = facts;
    sensors.attached({ sensor, serial, version, address, configRevision, hardware });
  });
  links.events.on('detached', (sensor) => {
    sensors.detached(sensor);
  });
  links.events.on('state', (sensor) => {
    sensors.heard(sensor);
  });
  links.events.on('config', (sensor, { revision, ok, code, message, sensorRevision }) => {
    sensors.configResult(sensor, { revision, ok, code: code ?? '', message: message ?? '', sensorRevision });
  });
  links.events.on('refused', ({ sensor, code, address }) => {
    if (sensor !== undefined && code === 'FLEET_LINKS_CLONE') {
      sensors.admission.noteClone(sensor, `from ${address}, while the other was attached.`, address);
    }
  });
}

const ConfigReplySchema = z.object({ document: z.string() });

/** The link, as the room of sensors asks for it. */
function linksForSensors(links: () => Links): SensorLinks {
  return {
    attached: (sensor) => links().attached(sensor),
    desire: async (sensor, revision, yaml, author, reason) => {
      await links().desire(sensor, { revision, yaml, author, reason });
    },
    readConfig: async (sensor) => {
      const { status, json } = await links().collect(sensor, {
        method: 'GET',
        path: '/v1/config',
        user: 'fleet',
        roles: ['viewer'],
      });
      const reply = ConfigReplySchema.safeParse(json);
      if (status === 200 && reply.success) return reply.data.document;
      throw new BulkheadError({
        code: 'FLEET_FLEETD_CONFIG_UNKNOWN',
        message: `${sensor} did not say which configuration it has (${status}).`,
        fields: { sensor, status },
      });
    },
  };
}

function tlsOf(ca: Ca): { ca: string; certificate: string; key: string } {
  const { cert, key } = ca.linkPair();
  return { ca: ca.certificate, certificate: cert, key };
}

function hostPart(name: string): string {
  return name.includes(':') ? `[${name}]` : name;
}
