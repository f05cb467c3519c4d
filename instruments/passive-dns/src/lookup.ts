import { z } from 'zod';
import { normalAddress } from './addresses.ts';
import type { CofRecord } from './cof-record.ts';
import type { Database } from './database.ts';
import { MAX_NAME, normalName, reversedName } from './names.ts';

/** What may be asked, by command and by HTTP. */
export const LookupSchema = z.strictObject({
  /** A name, `*.` and a name for all that is below it, or an address. */
  query: z.string().min(1).max(MAX_NAME),
  rrtype: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,16}$/)
    .optional(),
  /** Seconds since 1970: seen at or after, and at or before. */
  since: z.int().min(0).max(253_402_300_799).optional(),
  until: z.int().min(0).max(253_402_300_799).optional(),
  limit: z.int().min(1).max(1_000).default(100),
  offset: z.int().min(0).max(100_000).default(0),
});
export type Lookup = z.output<typeof LookupSchema>;

interface Row {
  id: number;
  reversed: string;
  rrtype: string;
  rdata: string;
  time_first: number;
  time_last: number;
  count: number;
}

const COLUMNS = 'id, reversed, rrtype, rdata, time_first, time_last, count';
/** What one answer may hold: a reply on the bus is at most 256 KiB. */
const MAX_BYTES = 200 * 1024;

/** Names of one address can be very many; the latest known are looked at. */
const NEWEST_OF_ADDRESS = 'id IN (SELECT id FROM rrsets WHERE rdata = ? ORDER BY id DESC LIMIT 10000)';

/**
 * Answers a lookup, newest first; below a domain in the order of names.
 * @returns the records, and whether there are more behind `offset` + their number
 */
export function lookUp(db: Database, lookup: Lookup): { records: CofRecord[]; more: boolean } {
  const { where, order, values } = selection(lookup.query);
  const rows = db
    .prepare<(string | number)[], Row>(
      `SELECT ${COLUMNS} FROM rrsets WHERE ${where} AND (? = '' OR rrtype = ?) AND time_last >= ? AND time_first <= ?
       ORDER BY ${order} LIMIT ? OFFSET ?`,
    )
    .all(
      ...values,
      ...Array<string>(2).fill(lookup.rrtype?.toUpperCase() ?? ''),
      lookup.since ?? 0,
      lookup.until ?? Number.MAX_SAFE_INTEGER,
      lookup.limit + 1,
      lookup.offset,
    );
  const records: CofRecord[] = [];
  let bytes = 0;
  for (const row of rows.slice(0, lookup.limit)) {
    const record = cofRecord(row);
    bytes += Buffer.byteLength(JSON.stringify(record)) + 1;
    if (bytes > MAX_BYTES && records.length > 0) break;
    records.push(record);
  }
  return { records, more: rows.length > records.length };
}

/**
 * When the oldest record was first seen, in seconds since 1970; undefined when there is none. Records are numbered as they
 * become known, so the lowest numbers are looked at and not all records: this runs where events are taken in too.
 */
export function oldestOf(db: Database): number | undefined {
  const sql = 'SELECT MIN(time_first) AS oldest FROM (SELECT time_first FROM rrsets ORDER BY id LIMIT 1000)';
  return db.prepare<[], { oldest: number | null }>(sql).get()?.oldest ?? undefined;
}

/** Names that an address was the answer for, newest first. */
export function namesOf(db: Database, address: string, limit: number): CofRecord[] {
  return db
    .prepare<[string, number], Row>(
      `SELECT ${COLUMNS} FROM rrsets WHERE ${NEWEST_OF_ADDRESS} AND rrtype IN ('A', 'AAAA') ORDER BY time_last DESC, count DESC LIMIT ?`,
    )
    .all(address, limit)
    .map(cofRecord);
}

function selection(query: string): { where: string; order: string; values: string[] } {
  const address = normalAddress(query);
  const newest = 'time_last DESC, id';
  if (address !== undefined) return { where: NEWEST_OF_ADDRESS, order: newest, values: [address] };
  const below = query.startsWith('*.') ? normalName(query.slice(2)) : undefined;
  if (below !== undefined) {
    const reversed = reversedName(below);
    // '/' follows '.', so this is all that has at least one label more.
    const order = 'reversed, rrtype, rdata';
    return below === '.'
      ? { where: "reversed > '.'", order, values: [] }
      : { where: 'reversed > ? AND reversed < ?', order, values: [`${reversed}.`, `${reversed}/`] };
  }
  return { where: 'reversed = ?', order: newest, values: [reversedName(normalName(query) ?? query)] };
}

function cofRecord(row: Row): CofRecord {
  const { rrtype, rdata, time_first, time_last, count } = row;
  return { rrname: reversedName(row.reversed), rrtype, rdata, time_first, time_last, count };
}
