import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStore } from '@bulkhead/platform/events';
import { openLog } from '@bulkhead/platform/kernel';
import { bundleStoreWorker, searchAll, sqliteBinding, storeMessage } from '../event-store.ts';
import type { Durable } from './under-power-cuts.ts';

const STREAM = 'S_suricata';
const RECORDS = 4;

/** The sensor's event store. It acknowledges by the position up to which a stream is durably stored. */
export class EventStoreUnderCuts implements Durable {
  readonly #workerFile: string;
  readonly #store: EventStore;
  #sequence = 0;

  private constructor(workerFile: string, store: EventStore) {
    this.#workerFile = workerFile;
    this.#store = store;
  }

  /** @param scratch folder for the bundle of the store's thread */
  static async open(dir: string, scratch: string): Promise<EventStoreUnderCuts> {
    const workerFile = await bundleStoreWorker(scratch);
    return new EventStoreUnderCuts(workerFile, await openStore(dir, workerFile));
  }

  async write(acknowledge: (id: string) => void, signal: AbortSignal): Promise<void> {
    let told = this.#sequence;
    const tell = async (): Promise<void> => {
      const [position] = await this.#store.positions();
      for (; told < (position?.sequence ?? 0); told += 1)
        for (let record = 0; record < RECORDS; record += 1) acknowledge(idOf(told + 1, record));
    };
    while (!signal.aborted || told < this.#sequence) {
      for (let n = 0; n < 3 && !signal.aborted; n += 1) {
        this.#sequence += 1;
        const records = Array.from({ length: RECORDS }, (_, record) => ({
          ...{ event_type: 'dns', src_ip: '10.1.2.3', dest_ip: '192.0.2.53' },
          number: idOf(this.#sequence, record),
        }));
        const message = storeMessage({ records, stream: STREAM, sequence: this.#sequence });
        await this.#store.offer(message, this.#store.generation);
      }
      await sleep(25);
      await tell();
    }
  }

  async read(folder: string): Promise<string[]> {
    const store = await openStore(join(folder, 'store'), this.#workerFile);
    try {
      if (store.damage !== undefined) throw new Error(`damaged: ${store.damage}`);
      const events = await searchAll(store, {}, 500);
      return events.map(({ record }) => String(record['number']));
    } finally {
      await store.close();
    }
  }

  async close(): Promise<void> {
    await this.#store.close();
  }
}

function idOf(sequence: number, record: number): string {
  return `${String(sequence)}/${String(record)}`;
}

async function openStore(dir: string, workerFile: string): Promise<EventStore> {
  return EventStore.open({
    dir,
    workerFile,
    nativeBinding: sqliteBinding(),
    settings: () => ({ retentionDays: { default: 30, types: {} }, storeMib: 1024, fieldPolicy: [] }),
    secret: (purpose) => Buffer.from(purpose.padEnd(32, '.')).subarray(0, 32),
    clock: () => ({ wallMs: Date.now(), uptimeS: performance.now() / 1000, bootId: 'boot-1' }),
    log: openLog('events', 'silent'),
  });
}
