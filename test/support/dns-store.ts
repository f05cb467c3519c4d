import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CofRecord } from '../../instruments/passive-dns/src/cof-record.ts';
import { lookUp, LookupSchema } from '../../instruments/passive-dns/src/lookup.ts';
import { DnsStore, type StoreOptions } from '../../instruments/passive-dns/src/store.ts';

/** Bounds that nothing in a test reaches unless it says so. */
export const WIDE = { maxRecords: 1e6, maxRecordsPerSuffix: 1e6, maxBytes: 1e12 };

/** A folder for databases that is removed by `dispose`, with every store that was opened through it. */
export function dnsFolder(folder = mkdtempSync(join(tmpdir(), 'bdns-'))) {
  const opened: DnsStore[] = [];
  const warnings: string[] = [];
  const file = join(folder, 'dns.sqlite');
  return {
    folder,
    file,
    warnings,
    open: async (options: Partial<StoreOptions> = {}): Promise<DnsStore> => {
      const store = new DnsStore({
        file,
        bounds: () => WIDE,
        warn: (message) => void warnings.push(message),
        ...options,
      });
      opened.push(store);
      await store.open();
      return store;
    },
    dispose: async (): Promise<void> => {
      await Promise.all(opened.map((store) => store.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A message with one answer for each name. */
export function answersMessage(
  key: string,
  names: readonly string[],
  rdata = '192.0.2.1',
  atMs = Date.now(),
) {
  const timestamp = new Date(atMs).toISOString().replace('Z', '000+0000');
  const lines = names.map((rrname) =>
    JSON.stringify({
      timestamp,
      event_type: 'dns',
      dns: { version: 2, type: 'answer', rrname, answers: [{ rrname, rrtype: 'A', ttl: 30, rdata }] },
    }),
  );
  return { key, text: `${lines.join('\n')}\n`, time: new Date(atMs).toISOString() };
}

/** Records that a store answers with. */
export function recordsOf(store: DnsStore, query: string, more: Record<string, unknown> = {}): CofRecord[] {
  return store.query((db) => lookUp(db, LookupSchema.parse({ query, limit: 1_000, ...more }))).records;
}
