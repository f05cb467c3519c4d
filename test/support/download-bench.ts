import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DownloadJob } from '@bulkhead/sdk';
import { Courier, type Delivery, type Ended } from '../../instruments/downloader/src/courier.ts';
import { Downloads } from '../../instruments/downloader/src/downloads.ts';
import { LIMITS, type TransferLimits } from '../../instruments/downloader/src/limits.ts';
import { fingerprintOf } from '../../instruments/downloader/src/state.ts';
import type { Proxy } from '../../instruments/downloader/src/connection.ts';

/** What the platform got of a delivery. */
export interface Delivered extends Delivery {
  content: Buffer;
}

/** The downloader's parts on a folder of their own, with a platform that takes what is delivered. */
export interface DownloadBench {
  folder: string;
  /** Name -> addresses, as the platform resolves; absent: refused. Read at every question. */
  names: Map<string, readonly string[] | (() => readonly string[])>;
  asked: string[];
  delivered: Delivered[];
  events: { type: string; record: Record<string, unknown> }[];
  /** Thrown by the next deliveries while it is set. */
  refusal: Error | undefined;
  limits: TransferLimits;
  /** One try of a download, as the schedule makes it. */
  try(job: DownloadJob, more?: { again?: boolean; proxy?: Proxy; signal?: AbortSignal }): Promise<Ended>;
  /** Code of the last try of a download. */
  codeOf(id: string): string | undefined;
  /** What lies in a folder of the volume. */
  files(name: 'outbox' | 'partial'): string[];
  /** Forgets what is in memory, as after a crash. */
  restart(): Promise<void>;
  /** The whole, with its schedule; closed with the bench. */
  downloads(): Promise<Downloads>;
  dispose(): Promise<void>;
}

/** An approved download of a test. */
export function jobOf(url: string, more: Partial<DownloadJob> = {}): DownloadJob {
  return {
    id: 'rules/feed',
    for: 'rules',
    url,
    redirectHosts: [],
    everyS: 3600,
    maxBytes: 16 * 1024 * 1024,
    privateAddresses: true,
    ...more,
  };
}

/** Opens a bench. */
export async function openDownloadBench(limits: Partial<TransferLimits> = {}): Promise<DownloadBench> {
  const folder = await mkdtemp(join(tmpdir(), 'bdl-'));
  const opened: Downloads[] = [];
  const parts = {
    folder,
    resolve: (name: string): Promise<readonly string[]> => {
      bench.asked.push(name);
      const found = bench.names.get(name);
      return found === undefined
        ? Promise.reject(new Error('is not approved'))
        : Promise.resolve(typeof found === 'function' ? found() : found);
    },
    deliver: async (delivery: Delivery): Promise<void> => {
      if (bench.refusal !== undefined) throw bench.refusal;
      const content = await readFile(join(folder, 'outbox', delivery.sha256));
      bench.delivered.push({ ...delivery, content });
    },
    publish: (type: string, record: Record<string, unknown>): void => {
      bench.events.push({ type, record });
    },
    warn: (): void => undefined,
    limits: { ...LIMITS, ...limits },
  };
  let courier = new Courier(parts);
  await courier.open();
  const bench: DownloadBench = {
    folder,
    names: new Map(),
    asked: [],
    delivered: [],
    events: [],
    refusal: undefined,
    limits: parts.limits,
    try: (job, { again = false, proxy, signal = new AbortController().signal } = {}) =>
      courier.run({
        job,
        fingerprint: fingerprintOf(job),
        again,
        proxy,
        signal,
        progress: { phase: 'fetching', bytes: 0, totalBytes: undefined },
      }),
    codeOf: (id) => courier.state.get(id)?.code,
    files: (name) => (existsSync(join(folder, name)) ? readdirSync(join(folder, name)) : []),
    restart: async () => {
      courier = new Courier(parts);
      await courier.open();
    },
    downloads: async () => {
      const downloads = new Downloads({ ...parts, random: () => 0, atOnce: () => 2 });
      opened.push(downloads);
      await downloads.open();
      return downloads;
    },
    dispose: async () => {
      await Promise.all(opened.map((downloads) => downloads.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
  return bench;
}
