import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { sitePaths } from '@bulkhead/platform/kernel';
import type { Instrument } from '@bulkhead/sdk';
import type { BusMessage } from '@bulkhead/platform/bus';
import { busInstrument, busModel, openBusBench, type BusBench } from '../nats.ts';
import type { Durable } from './under-power-cuts.ts';

const PUBLISHERS = ['suricata', 'asset-monitor'] as const;

/** Two publishers with streams of their own, encrypted. */
export const durableModel = busModel(
  PUBLISHERS.map((name) => busInstrument(name, { publish: ['alert', 'flow'] })),
  { streamMib: 64 },
);

/** The bus as a sensor runs it, on a disk of the test's own, with instruments that publish through the sdk. */
export class BusStore implements Durable {
  readonly #bench: BusBench;
  readonly #instruments: Instrument[];
  readonly #padding: string;
  #sent = 0;

  private constructor(bench: BusBench, instruments: Instrument[], recordBytes: number) {
    this.#bench = bench;
    this.#instruments = instruments;
    this.#padding = 'x'.repeat(recordBytes);
  }

  /** @param own another server program; the size of a record when it is not EVE's usual one */
  static async open(
    stateDir: string,
    own: { natsServer?: string; recordBytes?: number } = {},
  ): Promise<BusStore> {
    const { recordBytes = 600, ...server } = own;
    const bench = await openBusBench('cut', { stateDir, ...server });
    try {
      await bench.bus.ensure(durableModel);
      const open = PUBLISHERS.map((name) => bench.instrument(durableModel, name));
      return new BusStore(bench, await Promise.all(open), recordBytes);
    } catch (error) {
      await bench.dispose();
      throw error;
    }
  }

  /** Many packs at a time: small bursts of records, more of them while earlier ones wait to be stored. */
  async write(acknowledge: (id: string) => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const instrument of this.#instruments) {
        for (const type of ['alert', 'flow']) {
          for (let record = 0; record < 4; record += 1) {
            this.#sent += 1;
            const id = `${instrument.name}/${String(this.#sent)}`;
            void instrument.publish(type, { id, padding: this.#padding }).then(() => {
              acknowledge(id);
            });
          }
        }
        await instrument.ready();
      }
      await sleep(4);
    }
    await Promise.all(this.#instruments.map((instrument) => instrument.flush()));
  }

  async read(folder: string): Promise<string[]> {
    const after = await openBusBench('cut', {
      stateDir: join(folder, 'state'),
      secret: this.#bench.secret,
    });
    try {
      await after.bus.ensure(durableModel);
      const found = await readAll(after);
      // What came through a power cut has to take events again.
      await after.bus.publishPlatform('bus.restarted', {});
      return found;
    } finally {
      await after.dispose();
    }
  }

  /** Where the server keeps the messages of the first publisher. */
  get messagesDir(): string {
    const { busDir } = sitePaths(this.#bench.site);
    return join(busDir, 'store', 'jetstream', 'PLAT', 'streams', `S_${PUBLISHERS[0]}`, 'msgs');
  }

  async close(): Promise<void> {
    await this.#bench.dispose();
  }
}

/** The ids of everything that instruments have stored. */
export async function readAll(bench: BusBench): Promise<string[]> {
  const found: string[] = [];
  const stop = new AbortController();
  const take = ({ instrument, body }: BusMessage): void => {
    if (instrument === 'platform') return;
    const lines = Buffer.from(body).toString().trim().split('\n');
    found.push(...lines.map((line) => (JSON.parse(line) as { id: string }).id));
  };
  const feed = await bench.bus.subscribeEvents({ start: 'beginning' }, take, stop.signal);
  await feed.caughtUp;
  stop.abort();
  await feed.ended;
  return found;
}
