import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FieldRule, StoredEvent } from '@bulkhead/platform/contracts';
import { EventStore, type EventStoreOptions, type IncomingMessage } from '@bulkhead/platform/events';
import { openLog, run } from '@bulkhead/platform/kernel';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BANNER =
  "--banner:js=import { createRequire as bulkheadRequire } from 'node:module'; const require = bulkheadRequire(import.meta.url);";

/** Where npm has SQLite's native part. */
export function sqliteBinding(root = ROOT): string {
  return join(root, 'node_modules/better-sqlite3/build/Release/better_sqlite3.node');
}

/** Bundles the store's thread as `scripts/build` does: Node does not run TypeScript in a thread. @returns the file */
export async function bundleStoreWorker(to: string, root = ROOT): Promise<string> {
  await mkdir(to, { recursive: true });
  const file = join(to, 'event-store-worker.mjs');
  await run(
    join(root, 'node_modules/.bin/esbuild'),
    [
      ...['--bundle', '--platform=node', '--target=node20.19', '--format=esm', '--log-level=warning'],
      ...['--loader=ts', '--sourcefile=entry.ts', BANNER, `--outfile=${file}`],
    ],
    {
      input: "import { main } from './platform/events/store/worker.ts'; main();",
      cwd: root,
      timeoutMs: 60_000,
    },
  );
  return file;
}

/** A clock that a test moves. */
export class TestClock {
  wallMs: number;
  uptimeS = 1_000;
  bootId = 'boot-1';

  constructor(wallMs = Date.now()) {
    this.wallMs = wallMs;
  }

  /** Time that really goes by. */
  pass(seconds: number): void {
    this.wallMs += seconds * 1000;
    this.uptimeS += seconds;
  }

  read = () => ({ wallMs: this.wallMs, uptimeS: this.uptimeS, bootId: this.bootId });
}

/** A store of its own for one test. */
export interface StoreBench {
  dir: string;
  store: EventStore;
  clock: TestClock;
  settings: EventStoreOptions['settings'] extends () => infer S ? { -readonly [K in keyof S]: S[K] } : never;
  /** Closes and opens again, as at a restart of sensord. */
  reopen(): Promise<EventStore>;
  dispose(): Promise<void>;
}

export async function openStoreBench(
  values: { storeMib?: number; fieldPolicy?: FieldRule[]; clock?: TestClock; dir?: string } = {},
): Promise<StoreBench> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-store-'));
  const workerFile = await bundleStoreWorker(folder);
  const dir = values.dir ?? join(folder, 'store');
  const clock = values.clock ?? new TestClock();
  const settings = {
    retentionDays: { default: 30, types: {} as Record<string, number> },
    storeMib: values.storeMib ?? 1024,
    fieldPolicy: values.fieldPolicy ?? ([] as FieldRule[]),
  };
  const open = () =>
    EventStore.open({
      dir,
      workerFile,
      nativeBinding: sqliteBinding(),
      settings: () => settings,
      secret: (purpose) => Buffer.from(purpose.padEnd(32, '.')).subarray(0, 32),
      clock: clock.read,
      log: openLog('events', process.env['BULKHEAD_TEST_LOG'] ?? 'silent'),
    });
  const bench: StoreBench = {
    dir,
    clock,
    settings,
    store: await open(),
    reopen: async () => {
      await bench.store.close();
      bench.store = await open();
      return bench.store;
    },
    dispose: async () => {
      await bench.store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return bench;
}

let made = 0;

/** A message of one stream, as the bus hands it over. */
export function storeMessage(
  values: Partial<Omit<IncomingMessage, 'body'>> & { records: readonly unknown[]; time?: Date },
): IncomingMessage {
  made += 1;
  const { instrument = 'suricata', type = 'dns' } = values;
  const storedAt = values.storedAt ?? values.time ?? new Date();
  const lines = values.records.map((record) =>
    typeof record === 'string' ? record : JSON.stringify(record),
  );
  return {
    instrument,
    type,
    stream: values.stream ?? `S_${instrument}`,
    streamCreated: values.streamCreated ?? '2026-01-01T00:00:00Z',
    sequence: values.sequence ?? made,
    storedAt,
    headers: {
      'ce-id': `m${String(made)}`,
      'ce-source': `/sensor/lab/instrument/${instrument}`,
      'ce-type': type,
      'ce-time': (values.time ?? storedAt).toISOString(),
      'bh-count': String(lines.length),
      ...values.headers,
    },
    body: Buffer.from(`${lines.join('\n')}\n`),
  };
}

/** Offers messages and waits until they are durable. */
export async function storeAll(store: EventStore, messages: readonly IncomingMessage[]): Promise<void> {
  const wanted = new Map<string, number>();
  for (const message of messages) {
    wanted.set(message.stream, message.sequence);
    await store.offer(message, store.generation);
  }
  for (;;) {
    const positions = new Map((await store.positions()).map(({ stream, sequence }) => [stream, sequence]));
    if ([...wanted].every(([stream, sequence]) => positions.get(stream) === sequence)) return;
    if (store.fault !== undefined) throw new Error(`the store cannot write: ${store.fault}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Every event that a search finds, page by page. */
export async function searchAll(
  store: EventStore,
  filter: Parameters<EventStore['search']>[0],
  limit = 100,
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await store.search(filter, { limit, cursor });
    events.push(...page.events);
    cursor = page.cursor;
    if (cursor === undefined) return events;
  }
}
