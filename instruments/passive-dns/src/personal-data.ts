import { statSync } from 'node:fs';
import { normalAddress, pointerName } from './addresses.ts';
import { PassiveDnsError } from './errors.ts';
import { rowsAbout, type CofRecord } from './lookup.ts';
import { reversedName } from './names.ts';
import type { DnsStore } from './store.ts';

/** What the instrument keeps, for the data report. Times are ISO 8601. */
export interface KeptData {
  records: number;
  oldest: string | undefined;
  newest: string | undefined;
  bytes: number;
  policy: { retentionDays: number };
}

/** Rows of one step; a purge repeats it until nothing is left. */
const STEP = 1_000;
/** Held addresses. */
const MAX_HOLDS = 1_000;

/** Says what is kept: how much, from when to when, and for how long. */
export async function describeKeptData(
  store: DnsStore,
  file: string,
  retentionDays: number,
): Promise<KeptData> {
  await store.settle();
  const range = store.query((db) =>
    db
      .prepare<[], { records: number; oldest: number | null; newest: number | null }>(
        'SELECT count(*) AS records, min(time_last) AS oldest, max(time_last) AS newest FROM rrsets',
      )
      .get(),
  );
  const time = (seconds: number | null | undefined) =>
    seconds === null || seconds === undefined ? undefined : new Date(seconds * 1000).toISOString();
  return {
    records: range?.records ?? 0,
    oldest: time(range?.oldest),
    newest: time(range?.newest),
    bytes: ['', '-wal', '.journal'].reduce(
      (sum, part) => sum + (statSync(`${file}${part}`, { throwIfNoEntry: false })?.size ?? 0),
      0,
    ),
    policy: { retentionDays },
  };
}

/**
 * Everything that is kept about an address, at most `limit` records.
 * @throws PassiveDnsError PASSIVE_DNS_QUERY_INVALID
 */
export async function findAddress(
  store: DnsStore,
  address: string,
  limit = 1_000,
): Promise<{ records: CofRecord[]; more: boolean; held: boolean }> {
  const normal = addressOf(address);
  await store.settle();
  const rows = store.query((db) => rowsAbout(db, normal, limit + 1));
  return {
    records: rows.slice(0, limit).map(({ rrname, rrtype, rdata, time_first, time_last, count }) => ({
      rrname,
      rrtype,
      rdata,
      time_first,
      time_last,
      count,
    })),
    more: rows.length > limit,
    held: isHeld(store, normal),
  };
}

/**
 * Deletes everything about an address, also from free pages and the write-ahead log.
 * @returns how many records there were
 * @throws PassiveDnsError PASSIVE_DNS_HELD, PASSIVE_DNS_QUERY_INVALID
 */
export async function purgeAddress(store: DnsStore, address: string): Promise<number> {
  const normal = addressOf(address);
  await store.settle();
  if (isHeld(store, normal)) {
    throw new PassiveDnsError('PASSIVE_DNS_HELD', `what is known about ${normal} is held and is not purged`);
  }
  let removed = 0;
  for (;;) {
    const rows = store.query((db) => rowsAbout(db, normal, STEP));
    if (rows.length === 0) break;
    removed += store.remove(rows.map(({ row }) => row));
  }
  store.query((db) => db.pragma('wal_checkpoint(TRUNCATE)'));
  return removed;
}

/**
 * Keeps everything about an address from retention, shedding and purges, or ends that.
 * @throws PassiveDnsError PASSIVE_DNS_QUERY_INVALID also when 1,000 addresses are held
 */
export function holdAddress(store: DnsStore, address: string, hold: boolean, nowMs = Date.now()): void {
  const normal = addressOf(address);
  store.query((db) => {
    if (!hold) {
      db.prepare('DELETE FROM holds WHERE address = ?').run(normal);
      return;
    }
    const { holds = 0 } =
      db.prepare<[], { holds: number }>('SELECT count(*) AS holds FROM holds').get() ?? {};
    if (holds >= MAX_HOLDS && !isHeld(store, normal)) {
      throw new PassiveDnsError('PASSIVE_DNS_QUERY_INVALID', 'as many addresses are held as can be');
    }
    db.prepare('INSERT OR IGNORE INTO holds (address, pointer, since) VALUES (?, ?, ?)').run(
      normal,
      reversedName(pointerName(normal)),
      Math.floor(nowMs / 1000),
    );
  });
}

function isHeld(store: DnsStore, address: string): boolean {
  return store.query((db) => db.prepare('SELECT 1 FROM holds WHERE address = ?').get(address)) !== undefined;
}

function addressOf(text: string): string {
  const address = normalAddress(text);
  if (address === undefined) {
    throw new PassiveDnsError('PASSIVE_DNS_QUERY_INVALID', `"${text.slice(0, 64)}" is not an address`);
  }
  return address;
}
