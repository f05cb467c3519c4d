import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SqliteEventStore, WORKER_FILE, type IncomingMessage } from '@bulkhead/fleet-server/events';
import { openLog, run } from '@bulkhead/platform/kernel';
import { sqliteBinding } from '../event-store.ts';
import { testSensorId } from './sensor-ids.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BANNER =
  "--banner:js=import { createRequire as bulkheadRequire } from 'node:module'; const require = bulkheadRequire(import.meta.url);";

/** Bundles the thread of the fleet's event store as `scripts/build` does. @returns the file */
export async function bundleFleetEventsWorker(to: string, root = ROOT): Promise<string> {
  await mkdir(to, { recursive: true });
  const file = join(to, WORKER_FILE);
  await run(
    join(root, 'node_modules/.bin/esbuild'),
    [
      ...['--bundle', '--platform=node', '--target=node20.19', '--format=esm', '--log-level=warning'],
      ...['--loader=ts', '--sourcefile=entry.ts', BANNER, `--outfile=${file}`],
    ],
    {
      input: "import { main } from './fleet-ui/server/events/store/worker.ts'; main();",
      cwd: root,
      timeoutMs: 60_000,
    },
  );
  return file;
}

/** A fleet's event store of its own for one test. */
export async function openFleetStore(values: { retentionDays?: number; storeMib?: number } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-fleet-events-'));
  const workerFile = await bundleFleetEventsWorker(folder);
  const keeping = { retentionDays: values.retentionDays ?? 3650, storeMib: values.storeMib ?? 4096 };
  const bench = {
    folder,
    workerFile,
    keeping,
    nowMs: Date.now(),
    store: undefined as unknown as SqliteEventStore,
    reopen: async (): Promise<SqliteEventStore> => {
      await (bench.store as SqliteEventStore | undefined)?.close();
      bench.store = await SqliteEventStore.open({
        dir: join(folder, 'events'),
        workerFile,
        nativeBinding: sqliteBinding(),
        keeping: () => keeping,
        log: openLog('events', process.env['BULKHEAD_TEST_LOG'] ?? 'silent'),
        nowMs: () => bench.nowMs,
      });
      return bench.store;
    },
    dispose: async (): Promise<void> => {
      await bench.store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await bench.reopen();
  return bench;
}

/** A message as the ingestion makes it. */
export function fleetMessage(
  values: Partial<Omit<IncomingMessage, 'body'>> & {
    sequence: number;
    records?: readonly unknown[];
    timeMs?: number;
  },
): IncomingMessage {
  const { records = [{ n: values.sequence }], timeMs = Date.now(), ...rest } = values;
  return {
    sensor: testSensorId(),
    instrument: 'suricata',
    type: 'dns',
    stream: 'S_suricata',
    streamCreated: '2026-01-01T00:00:00Z',
    previous: values.sequence - 1,
    storedAt: timeMs,
    receivedAt: timeMs,
    ceId: `m${String(values.sequence)}`,
    ceTime: new Date(timeMs).toISOString(),
    body: Buffer.from(
      `${records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record))).join('\n')}\n`,
    ),
    ...rest,
  };
}
