import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readRequest } from '@bulkhead/fleet-server/ca';
import { FleetLink, type ApiRequest, type FleetLinkParts } from '@bulkhead/platform/fleet-link';
import { waitFor, type BulkheadError } from '@bulkhead/platform/kernel';
import { claimsOf } from '../../../platform/sensord/fleet-feature.ts';
import { sensorKey } from '../fleet-sensor-keys.ts';
import { TEST_LOG, type FleetBench } from './fleet-bench.ts';

/** The real link of a sensor, with the rest of the sensor in a few lines. */
export interface TestSensor {
  readonly dir: string;
  readonly link: FleetLink;
  /** What came through to the sensor's own API. */
  readonly asked: ApiRequest[];
  readonly applied: { document: string; author: string; reason: string }[];
  /** What the API answers; default: `{"path": …}`. */
  answer: (request: ApiRequest) => AsyncIterable<Buffer> | Iterable<Buffer>;
  /** The status; counts up, so that each one differs. */
  status: Record<string, unknown>;
  /** Instruments whose page may be opened. */
  readonly pages: Set<string>;
  /** How long a configuration takes to come into force, and how many did so at once at most. */
  applyMs: number;
  applyingMost: number;
  /** Throws what a configuration should fail with. */
  refuse: BulkheadError | undefined;
  /** The sensor's process ends; another one listens to people and did not start its link yet. */
  reboot: () => Promise<void>;
  /** The sensor's process ends and starts again. */
  restart: () => Promise<void>;
  membership: () => Promise<Record<string, string>>;
  /** Gives it another key, with the certificate (PEM) that `issue` makes for it. */
  recertify: (issue: (id: string, csr: string) => Promise<string>) => Promise<void>;
  /** As if its certificate had been issued at that time. */
  certifiedAt: (bench: FleetBench, aheadMs: number) => Promise<void>;
  up: (timeoutMs?: number) => Promise<void>;
  dispose: () => Promise<void>;
}

/** Quick, so that tests need not wait; what is long in the field is proved as a number of its own. */
export const QUICK = { reconnect: () => 50, comeBack: () => 50, lookMs: 100, renewMs: 200 };

export async function openTestSensor(more: Partial<FleetLinkParts> = {}): Promise<TestSensor> {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-sensor-'));
  const page = createServer((request, response) => {
    response.end(`page of ${request.headers.host ?? ''} ${request.url ?? ''}`);
  });
  page.on('upgrade', (_request, socket) => {
    // A little protocol of its own: says everything again.
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  const pageSocket = join(dir, 'page.sock');
  await new Promise<void>((resolve) => page.listen(pageSocket, resolve));
  const sensor = {
    dir,
    asked: [],
    applied: [],
    answer: ({ path }: ApiRequest) => [Buffer.from(JSON.stringify({ path }))],
    status: { sensor: 'lab', healthy: true, attention: [], monitors: [], instruments: [] },
    pages: new Set(['rule-manager']),
    refuse: undefined,
    applyMs: 0,
    applyingMost: 0,
  } as unknown as { -readonly [K in keyof TestSensor]: TestSensor[K] };
  let applying = 0;
  const make = (): FleetLink =>
    new FleetLink({
      log: TEST_LOG,
      dir: join(dir, 'fleet'),
      version: '0.1.0',
      hardware: async () => ({ hostname: 'box', nics: [{ device: 'eth9', monitorCapable: true }] }),
      status: async () => ({ ...sensor.status }),
      api: async (request) => {
        sensor.asked.push(request);
        const pieces = sensor.answer(request);
        return {
          status: 200,
          body: (async function* () {
            yield* pieces;
          })(),
        };
      },
      pages: {
        refuses: (instrument) => (sensor.pages.has(instrument) ? undefined : 'it is not granted `ui`'),
        connect: async () => {
          const socket = connect({ path: pageSocket, allowHalfOpen: true });
          await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
          return socket;
        },
      },
      config: () => 'version: 1\nsensor: { name: lab }\n',
      claimsOf,
      applyConfig: async (document, author, reason) => {
        sensor.applied.push({ document, author, reason });
        applying += 1;
        sensor.applyingMost = Math.max(sensor.applyingMost, applying);
        await sleep(sensor.applyMs);
        applying -= 1;
        if (sensor.refuse !== undefined) throw sensor.refuse;
        return { revision: 40 + sensor.applied.length };
      },
      pace: QUICK,
      ...more,
    });
  sensor.link = make();
  await sensor.link.start();
  const file = join(dir, 'fleet', 'membership.json');
  const membership = async () => JSON.parse(await readFile(file, 'utf8')) as Record<string, string>;
  const reboot = async (): Promise<void> => {
    await sensor.link.stop();
    sensor.link = make();
  };
  const recertify = async (issue: (id: string, csr: string) => Promise<string>): Promise<void> => {
    await reboot();
    const present = await membership();
    const key = await sensorKey();
    const chainPem = await issue(present['sensor'] ?? '', key.csr);
    await writeFile(file, JSON.stringify({ ...present, keyPem: key.keyPem, chainPem }));
    await sensor.link.start();
  };
  return Object.assign(sensor, {
    membership,
    reboot,
    restart: async () => {
      await reboot();
      await sensor.link.start();
    },
    recertify,
    certifiedAt: (bench: FleetBench, aheadMs: number) =>
      recertify(async (id, csr) => {
        bench.clock.aheadMs = aheadMs;
        const { pem } = await bench.ca.issue(id, await readRequest(csr));
        bench.clock.aheadMs = 0;
        return pem;
      }),
    up: async (timeoutMs = 15_000) => {
      await waitFor('the link to be up', timeoutMs, () => sensor.link.up);
    },
    dispose: async () => {
      await sensor.link.stop();
      page.closeAllConnections();
      await new Promise((resolve) => page.close(resolve));
      await rm(dir, { recursive: true, force: true });
    },
  });
}
