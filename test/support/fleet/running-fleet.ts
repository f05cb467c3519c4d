import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig, startFleet, type FleetService } from '@bulkhead/fleet-server/fleetd';
import { sqliteBinding } from '../event-store.ts';
import { freePort } from '../free-port.ts';
import { bundleFleetEventsWorker } from './event-bench.ts';
import { openLog, site, sitePaths } from '@bulkhead/platform/kernel';

const LOG = openLog('fleetd', process.env['BULKHEAD_TEST_LOG'] ?? 'silent');
/** Of the first person of a test. */
export const PASSWORD = 'seven quiet lanterns drift past noon';

export interface FleetAnswer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  body: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- a test looks into it as it likes
}

/** A browser, as far as cookies and the headers of its own pages go. */
export interface FleetVisitor {
  ask(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<FleetAnswer>;
}

/** All of fleetd on loopback, with TLS of its own CA. */
export interface RunningFleet {
  readonly dir: string;
  service: FleetService;
  /** Host and port as a browser types them. */
  host(): string;
  /** Somebody who is not signed in. */
  visitor(): FleetVisitor;
  /** Sets the fleet up. @returns its administrator, signed in */
  setUp(): Promise<FleetVisitor>;
  /** Ends it and starts it on the same ports with what it has; `meanwhile` is done in between. */
  restart(meanwhile?: () => Promise<void>): Promise<void>;
  dispose(): Promise<void>;
}

/** What lies beside the bundled program, below `dir`. */
export async function fleetProgramDir(dir: string): Promise<string> {
  const programDir = join(dir, 'program');
  await bundleFleetEventsWorker(programDir);
  await copyFile(sqliteBinding(), join(programDir, 'better_sqlite3.node'));
  return programDir;
}

export async function openRunningFleet(dir?: string): Promise<RunningFleet> {
  const root = dir ?? (await mkdtemp(join(tmpdir(), 'bulkhead-fleetd-')));
  // Free again when it starts once more, whatever the machine does meanwhile.
  const ports = { web: await freePort(), link: await freePort() };
  const programDir = await fleetProgramDir(root);
  const start = async () => {
    return startFleet(
      parseConfig(
        {
          stateDir: 'state',
          names: ['localhost'],
          baseDomain: 'localhost',
          web: { address: '127.0.0.1', port: ports.web },
          link: { address: '127.0.0.1', port: ports.link },
          events: { natsServer: sitePaths(site()).natsServer },
        },
        root,
      ),
      LOG,
      programDir,
    );
  };
  const fleet: RunningFleet = {
    dir: root,
    service: await start(),
    host: () => `localhost:${String(ports.web)}`,
    visitor: () => visitor(fleet),
    setUp: async () => {
      const person = visitor(fleet);
      const code = fleet.service.setUpCode();
      const { status, body } = await person.ask('POST', '/api/v1/session/set-up', {
        code,
        name: 'anna',
        password: PASSWORD,
      });
      if (status !== 200)
        throw new Error(`the fleet could not be set up: ${String(status)} ${JSON.stringify(body)}`);
      return person;
    },
    restart: async (meanwhile) => {
      await fleet.service.stop();
      await meanwhile?.();
      fleet.service = await start();
    },
    dispose: async () => {
      await fleet.service.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
  return fleet;
}

function visitor(fleet: RunningFleet): FleetVisitor {
  const cookies = new Map<string, string>();
  return {
    ask: async (method, path, body) => {
      const host = fleet.host();
      const ca = await readFile(join(fleet.dir, 'state/ca/ca.pem'), 'utf8');
      return new Promise((resolve, reject) => {
        const payload = body === undefined ? undefined : JSON.stringify(body);
        const sent = httpsRequest(
          `https://${host}${path}`,
          {
            method,
            ca,
            // localhost may be ::1 first.
            lookup: (_name, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]),
            agent: false,
            headers: {
              ...(method === 'GET' ? {} : { origin: `https://${host}` }),
              'sec-fetch-site': 'same-origin',
              cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
              ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
            },
          },
          (reply) => {
            for (const line of reply.headers['set-cookie'] ?? []) {
              const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
              cookies.set(name, value);
            }
            let text = '';
            reply.setEncoding('utf8');
            reply.on('data', (part: string) => (text += part));
            reply.on('error', reject);
            reply.on('end', () => {
              const json = /application\/json/.test(reply.headers['content-type'] ?? '') && text !== '';
              resolve({
                status: reply.statusCode ?? 0,
                headers: reply.headers,
                body: json ? JSON.parse(text) : text,
              });
            });
          },
        );
        sent.on('error', reject);
        sent.end(payload);
      });
    },
  };
}
