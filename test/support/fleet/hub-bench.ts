import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { Hub, type HubOptions } from '@bulkhead/fleet-server/events';
import { openLog, site, sitePaths, type Logger } from '@bulkhead/platform/kernel';
import { testSensorId } from './sensor-ids.ts';
import { openBusBench, busModel, type BusBench } from '../nats.ts';
import type { BusModel } from '@bulkhead/platform/bus';

export const HUB_LOG: Logger = openLog('hub', process.env['BULKHEAD_TEST_LOG'] ?? 'silent');

/** A hub of its own for one test. */
export async function openHubBench(options: Partial<HubOptions> = {}) {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'bulkhead-hub-')));
  const open = () =>
    Hub.open({ natsServer: sitePaths(site()).natsServer, log: HUB_LOG, ...options, dir: join(dir, 'nats') });
  const bench = {
    dir,
    hub: await open(),
    reopen: async (): Promise<Hub> => {
      await bench.hub.close();
      bench.hub = await open();
      return bench.hub;
    },
    dispose: async (): Promise<void> => {
      await bench.hub.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return bench;
}

/** Where a sensor's uplink is let in: a hub, or what leads to one. */
export interface UplinkDoor {
  connect(sensor: string, publicKey: string): Promise<Duplex>;
}

/** A plain loopback socket in place of the link's tunnel: what a sensor's server dials. */
export class Forwarder {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  /** No connection passes while it is false. */
  up = true;

  private constructor(connect: () => Promise<Duplex>) {
    this.#server = createServer((near) => {
      near.on('error', () => undefined);
      if (!this.up) {
        near.destroy();
        return;
      }
      this.#open.add(near);
      near.once('close', () => this.#open.delete(near));
      connect().then(
        (far) => {
          near.pipe(far).pipe(near);
          near.once('close', () => far.destroy());
          far.once('close', () => near.destroy());
        },
        () => near.destroy(),
      );
    });
  }

  static async open(connect: () => Promise<Duplex>): Promise<Forwarder> {
    const forwarder = new Forwarder(connect);
    await new Promise<void>((resolve) => forwarder.#server.listen(0, '127.0.0.1', resolve));
    return forwarder;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('it does not listen');
    return address.port;
  }

  cut(): void {
    this.up = false;
    for (const socket of this.#open) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A sensor's bus with its real nats-server, bound to a hub. */
export async function openSensorBus(
  hub: () => UplinkDoor,
  options: { id?: string; model?: BusModel; label?: string } = {},
): Promise<{ id: string; model: BusModel; bench: BusBench; forwarder: Forwarder; dispose(): Promise<void> }> {
  const id = options.id ?? testSensorId();
  const bench = await openBusBench(options.label ?? 'be1');
  const model = options.model ?? busModel([]);
  await bench.bus.ensure(model);
  const forwarder = await Forwarder.open(() => hub().connect(id, bench.bus.uplink.publicKey));
  await bench.bus.uplink.bind({ sensor: id, port: forwarder.port });
  return {
    id,
    model,
    bench,
    forwarder,
    dispose: async () => {
      await forwarder.close();
      await bench.dispose();
    },
  };
}
