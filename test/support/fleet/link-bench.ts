import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { Ca, readRequest } from '@bulkhead/fleet-server/ca';
import { openLinkServer, type LinkServer, type LinkServerOptions } from '@bulkhead/fleet-server/link';
import { openLog } from '@bulkhead/platform/kernel';
import { adopt } from './adopt.ts';
import { testSensorId } from './sensor-ids.ts';
import { SimulatedSensor, type SensorIdentity, type SimulatedSensorOptions } from './simulated-sensor.ts';

export { adopt };

/** A fleet as far as the link goes: the real CA, the real link server, on loopback. */
export interface LinkBench {
  readonly dir: string;
  readonly ca: Ca;
  readonly server: LinkServer;
  /** `127.0.0.1:PORT`, for sensors. */
  readonly address: string;
  readonly uplinks: { sensor: string; stream: Duplex; publicKey: string }[];
  /** An adopted sensor: key and certificate. */
  identity: (n: number) => Promise<SensorIdentity>;
  /** One that is ready to attach; closed with the bench. */
  sensor: (n: number, options?: Partial<SimulatedSensorOptions>) => Promise<SimulatedSensor>;
  dispose: () => Promise<void>;
}

export async function openLinkBench(options: Partial<LinkServerOptions> = {}): Promise<LinkBench> {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-link-'));
  const log = openLog('link', process.env['BULKHEAD_TEST_LOG'] ?? 'silent');
  const ca = await Ca.open({ dir: join(dir, 'ca'), names: ['127.0.0.1'], log });
  const uplinks: LinkBench['uplinks'] = [];
  const { key, cert } = ca.linkPair();
  const server = openLinkServer({
    host: '127.0.0.1',
    port: 0,
    tls: { ca: ca.certificate, certificate: cert, key },
    fleetVersion: '0.1.0',
    log,
    authorise: () => 'ok',
    renew: async ({ sensor, csr }) => [Buffer.from((await ca.issue(sensor, await readRequest(csr))).der)],
    onUplink: (sensor, stream, publicKey) => uplinks.push({ sensor, stream, publicKey }),
    ...options,
  });
  await server.start();
  const sensors: SimulatedSensor[] = [];
  const identities = new Map<number, Promise<SensorIdentity>>();
  const bench: LinkBench = {
    dir,
    ca,
    server,
    address: `127.0.0.1:${String(server.address.port)}`,
    uplinks,
    identity: (n) => {
      const known = identities.get(n) ?? adopt(ca, testSensorId(n));
      identities.set(n, known);
      return known;
    },
    sensor: async (n, more = {}) => {
      const one = new SimulatedSensor({ ...(await bench.identity(n)), address: bench.address, ...more });
      sensors.push(one);
      return one;
    },
    dispose: async () => {
      for (const one of sensors) one.close();
      await server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return bench;
}
