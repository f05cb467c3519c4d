import { statSync } from 'node:fs';
import type { DataHandlers, DataSubject, FoundRecords, KeptCopy } from '@bulkhead/sdk';
import { normalAddress, pointerName } from './addresses.ts';
import type { Database } from './database.ts';
import { PassiveDnsError } from './errors.ts';
import { normalName, reversedName } from './names.ts';
import { NOT_HELD } from './shedding.ts';
import type { DnsStore } from './store.ts';

/** Name of the one copy of data that is kept. */
const COPY = 'dns-records';
/** Rows of one step; a purge repeats it until nothing is left. */
const STEP = 1_000;
const MAX_HOLDS = 1_000;

/** How a subject stands in the database: as a value, and as a name. */
interface Keys {
  value: string;
  reversed: string;
}

/** Says what is kept: how much, from when to when, and for how long. @throws PassiveDnsError PASSIVE_DNS_UNAVAILABLE */
export async function describeKeptData(
  store: DnsStore,
  file: string,
  retentionDays: number,
): Promise<KeptCopy[]> {
  await store.settle();
  const found = store.query((db) => summary(db, '1', []));
  const sizes = ['', '-wal', '.journal'].map(
    (part) => statSync(`${file}${part}`, { throwIfNoEntry: false })?.size ?? 0,
  );
  return [
    {
      name: COPY,
      what: 'names and addresses of DNS answers, when first and last seen and how often; not who asked',
      ...found,
      bytes: sizes.reduce((sum, size) => sum + size, 0),
      policyDays: retentionDays,
    },
  ];
}

/**
 * Finds, deletes and holds what is known about an address (as the value of an answer, and its name in the reverse tree) or a
 * name (itself, and as the value of another).
 * @throws (each) PassiveDnsError PASSIVE_DNS_UNAVAILABLE, PASSIVE_DNS_QUERY_INVALID
 */
export function personalData(store: DnsStore): DataHandlers {
  return {
    find: (subject) => findSubject(store, subject),
    purge: (subject) => purgeSubject(store, subject),
    hold: (subject, hold) => {
      holdSubject(store, subject, hold);
    },
  };
}

/** How much is known about a subject. */
export async function findSubject(store: DnsStore, subject: DataSubject): Promise<FoundRecords[]> {
  const { value, reversed } = keysOf(subject);
  await store.settle();
  const found = store.query((db) => summary(db, 'rdata = ? OR reversed = ?', [value, reversed]));
  return found.records === 0 ? [] : [{ copy: COPY, ...found }];
}

/**
 * Deletes everything about a subject but for what is held, also from free pages and the write-ahead log.
 * @returns how many records there were
 */
export async function purgeSubject(store: DnsStore, subject: DataSubject): Promise<number> {
  const { value, reversed } = keysOf(subject);
  let removed = 0;
  for (;;) {
    await store.settle();
    const rows = store.query((db) =>
      db
        .prepare<[string, string, number], { id: number }>(
          `SELECT id FROM rrsets WHERE (rdata = ? OR reversed = ?) AND ${NOT_HELD} LIMIT ?`,
        )
        .all(value, reversed, STEP),
    );
    if (rows.length === 0) break;
    removed += store.remove(rows.map(({ id }) => id));
  }
  store.query((db) => db.pragma('wal_checkpoint(TRUNCATE)'));
  return removed;
}

/** Keeps everything about a subject from retention, shedding and purges, or ends that. At most 1,000 are held. */
export function holdSubject(store: DnsStore, subject: DataSubject, hold: boolean): void {
  const { value, reversed } = keysOf(subject);
  store.query((db) => {
    if (!hold) {
      db.prepare('DELETE FROM holds WHERE value = ?').run(value);
      return;
    }
    const { holds = 0 } =
      db
        .prepare<[string], { holds: number }>('SELECT count(*) AS holds FROM holds WHERE value <> ?')
        .get(value) ?? {};
    if (holds >= MAX_HOLDS)
      throw new PassiveDnsError(
        'PASSIVE_DNS_QUERY_INVALID',
        `${String(MAX_HOLDS)} subjects are held already`,
      );
    db.prepare('INSERT OR IGNORE INTO holds (value, reversed, since) VALUES (?, ?, ?)').run(
      value,
      reversed,
      Math.floor(Date.now() / 1000),
    );
  });
}

function summary(
  db: Database,
  where: string,
  values: readonly string[],
): { records: number; oldest?: string; newest?: string } {
  const row = db
    .prepare<string[], { records: number; oldest: number | null; newest: number | null }>(
      `SELECT count(*) AS records, min(time_last) AS oldest, max(time_last) AS newest FROM rrsets WHERE ${where}`,
    )
    .get(...values);
  const time = (seconds: number) => new Date(seconds * 1000).toISOString();
  return {
    records: row?.records ?? 0,
    ...(typeof row?.oldest === 'number' ? { oldest: time(row.oldest) } : {}),
    ...(typeof row?.newest === 'number' ? { newest: time(row.newest) } : {}),
  };
}

function keysOf(subject: DataSubject): Keys {
  if (subject.address !== undefined) {
    const address = normalAddress(subject.address);
    if (address !== undefined) return { value: address, reversed: reversedName(pointerName(address)) };
  } else {
    const name = normalName(subject.name);
    if (name !== undefined) return { value: name, reversed: reversedName(name) };
  }
  throw new PassiveDnsError('PASSIVE_DNS_QUERY_INVALID', 'what was given is neither an address nor a name');
}
