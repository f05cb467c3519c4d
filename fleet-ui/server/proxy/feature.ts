import type { Database } from 'better-sqlite3';
import type { Server } from 'node:http';
import {
  sensorLabel,
  UiAccessReplySchema,
  UiAccessRequestSchema,
  type SensorStatusView,
} from '@bulkhead/fleet-api';
import { BulkheadError, type Logger } from '@bulkhead/platform/kernel';
import type { FleetApp, FleetFeature, HostHandler, Person } from '../web/index.ts';
import { Ports } from './ports.ts';
import { openProxy } from './proxy.ts';
import { refusal } from './refusal.ts';
import type { AuditNote, PageState, People, Sensors, Ways } from './types.ts';

export interface ProxyFeatureParts {
  /** Pages are at `<instrument>.<sensor>.<baseDomain>`, on the port on which the fleet itself was reached. */
  baseDomain: string;
  encrypted: boolean;
  /** Is this host (lower case, no port) the fleet's own? */
  knowsHost: (host: string) => boolean;
  people: People & {
    /** @returns undefined for a token, which has no browser */
    handOver(person: object, origin: string): { code: string; expiresAt: string } | undefined;
  };
  sensors: Sensors;
  ways: Ways;
  audit: (
    line: Omit<AuditNote, 'visitor'> & { person: { id: string | null; name: string }; by: string },
  ) => void;
  log: Logger;
  /**
   * A port each in place of a name each, for who reaches the fleet by an address. Without it such people must be able to
   * look up names below the base domain.
   */
  ports?: {
    db: Database;
    first: number;
    last: number;
    address: string;
    /** A listener like the fleet's own that serves nothing but this. */
    openServer: (handler: HostHandler) => Server;
  };
}

/** The way to instruments' own pages, and the route by which people get there. */
export function proxyFeature(parts: ProxyFeatureParts): FleetFeature {
  const scheme = parts.encrypted ? 'https' : 'http';
  const proxy = openProxy({
    ...parts,
    scheme,
    audit: ({ visitor, ...note }) => {
      parts.audit({
        ...note,
        person: visitor === undefined ? { id: null, name: 'nobody' } : { id: visitor.id, name: visitor.name },
        by: visitor?.by ?? 'none',
      });
    },
  });
  const { ports: wanted, log } = parts;
  const ports =
    wanted === undefined
      ? undefined
      : new Ports({ ...wanted, log, open: (given) => wanted.openServer(proxy.onPort(given)) });
  return {
    name: 'proxy',
    hosts: proxy,
    start: async () => {
      proxy.start();
      await ports?.start();
    },
    stop: async () => {
      await ports?.stop();
      await proxy.stop();
    },
    routes: (app) => {
      accessRoute(app, parts, async (header, sensor, instrument) => {
        const [, name = '', port = ''] = /^(.*?)(:\d+)?$/.exec((header ?? '').toLowerCase()) ?? [];
        if (ports !== undefined && isAddress(name)) {
          return `${scheme}://${name}:${await ports.portOf(sensor.id, instrument)}`;
        }
        return `${scheme}://${instrument}.${sensorLabel(sensor)}.${parts.baseDomain}${withoutDefault(scheme, port)}`;
      });
    },
  };
}

/** How a page stands by what its sensor said last. A sensor that has not said anything yet is asked itself. */
export function pageStateOf(status: SensorStatusView | undefined, instrument: string): PageState {
  if (status === undefined) return 'served';
  const found = status.instruments.find(({ name }) => name === instrument);
  if (found === undefined) return 'unknown';
  if (found.page !== undefined) return found.page.state === 'served' ? 'served' : 'opening';
  return found.state === 'running' ? 'not-granted' : 'not-running';
}

function accessRoute(
  app: FleetApp,
  { people, sensors }: ProxyFeatureParts,
  originOf: (
    host: string | undefined,
    sensor: { id: string; name: string },
    instrument: string,
  ) => Promise<string>,
): void {
  app.post(
    '/api/v1/ui-access',
    {
      config: { right: 'instruments.open', judgesEach: true, audit: 'instrument.hand-over' },
      schema: {
        summary: "A way to an instrument's own page, for the browser of who asks",
        description:
          'Send `code` as a form, by POST, to `<origin>/.bulkhead/enter`. Programs need no code: their token is good on that origin.',
        tags: ['instruments'],
        body: UiAccessRequestSchema,
        response: { 200: UiAccessReplySchema },
      },
    },
    async (request) => {
      const { sensor: id, instrument } = request.body;
      const { person } = request;
      if (person === undefined || !mayOpen(person, id, instrument)) throw denied(instrument);
      const sensor = sensors.byId(id);
      if (sensor === undefined) {
        throw refusal('FLEET_PROXY_SENSOR_UNKNOWN', `There is no sensor ${id} in this fleet.`);
      }
      request.audited = { target: `${instrument}@${sensor.name}` };
      const origin = await originOf(request.headers.host, sensor, instrument);
      const handed = people.handOver(person, origin);
      if (handed === undefined) throw noBrowser(origin);
      return { origin, ...handed };
    },
  );
}

function mayOpen(person: Person, sensor: string, instrument: string): boolean {
  return person.may('instruments.open', sensor, instrument);
}

/** An address other than loopback: whoever uses it cannot be expected to look up names. */
function isAddress(name: string): boolean {
  return name.startsWith('[')
    ? name !== '[::1]'
    : /^\d+\.\d+\.\d+\.\d+$/.test(name) && !name.startsWith('127.');
}

function withoutDefault(scheme: 'http' | 'https', port: string): string {
  return port === (scheme === 'https' ? ':443' : ':80') ? '' : port;
}

function denied(instrument: string): BulkheadError {
  return refusal('FLEET_PROXY_DENIED', `You may not open ${instrument} there.`);
}

function noBrowser(origin: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PROXY_NO_BROWSER',
    message: 'A token has no browser to hand over.',
    hint: `Send the token itself as \`Authorization: Bearer\` to ${origin}.`,
  });
}
