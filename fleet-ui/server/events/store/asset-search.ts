import { ASSETS_COUNTED_MOST } from '@bulkhead/fleet-api';
import { ASSETS_MOST, type AssetName, type AssetRow, type AssetService } from './assets.ts';
import { inRange, parseRange } from '@bulkhead/platform/kernel';
import { IDS_PER_MS, state, type Db } from './database.ts';
import { isPrivate } from './sightings.ts';

/** Which addresses are asked for. All parts must hold. */
export interface AssetQuestion {
  /** Those whose events the asker may read. */
  sensors: readonly string[];
  /** An address, a network (`10.0.0.0/8`), or a part of a name, a MAC address or a note. */
  text?: string | undefined;
  kind?: 'private' | 'public' | 'labelled' | 'critical' | undefined;
  /** With an alert. */
  alerts?: boolean | undefined;
  sort: 'last' | 'alerts' | 'first';
  limit: number;
  offset: number;
}

/** One address as events show it; times in ms. */
export interface StoredAsset {
  sensor: string;
  /** As people write it. */
  address: string;
  isPrivate: boolean;
  first: number;
  last: number;
  events: number;
  alerts: number;
  highAlerts: number;
  lastAlert: number | undefined;
  mac: string | undefined;
  names: AssetName[];
  services: AssetService[];
  label: { name: string; note: string; critical: boolean; by: string; at: number } | undefined;
}

export interface StoredAssets {
  assets: StoredAsset[];
  /** That fit the question, of all sensors that were asked about; when something narrows it, at most `ASSETS_COUNTED_MOST`. */
  total: number;
  known: number;
  most: number;
  /** Had to go because there were too many. */
  evicted: number;
  /** Events of earlier are still being read: what is older than this is not in it; ms. */
  readingFrom: number | undefined;
  /** False when the time for one answer was over first: not all that is known was looked at, and there are `total` or more. */
  complete: boolean;
}

type Row = AssetRow & {
  label_name: string | null;
  note: string | null;
  critical: number | null;
  by_name: string | null;
  at: number | null;
};

const JOINED =
  'FROM assets a LEFT JOIN asset_labels l ON l.sensor = a.sensor AND l.address = a.address ' +
  'WHERE a.sensor IN (SELECT value FROM json_each(?))';
const COLUMNS = 'a.*, l.name AS label_name, l.note, l.critical, l.by_name, l.at';
/** Private ones first: those are the organisation's own. */
const ORDERS: Readonly<Record<AssetQuestion['sort'], string>> = {
  last: 'min(a.rank, 1) DESC, a.last DESC',
  alerts: 'a.high DESC, a.alerts DESC, a.last DESC',
  first: 'min(a.rank, 1) DESC, a.first DESC',
};
const KINDS: Readonly<Record<NonNullable<AssetQuestion['kind']>, string>> = {
  private: 'in_private(a.address)',
  public: 'NOT in_private(a.address)',
  labelled: 'l.sensor IS NOT NULL',
  critical: 'l.critical = 1',
};

/** Makes the functions that questions use. Call once for a database that is read. */
export function prepareAssetSearch(db: Db): void {
  db.function('in_private', { deterministic: true }, (hex) => (isPrivate(String(hex)) ? 1 : 0));
  db.function('in_range', { deterministic: true }, (hex, range) => {
    const [network = '', bits = ''] = String(range).split('/');
    return inRange(String(hex), { hex: network, bits: Number(bits) }) ? 1 : 0;
  });
  // Asked of each row, and of a column of it, so that it is not asked once for all of them.
  db.function('in_time', { deterministic: false }, (deadline, _row) =>
    performance.now() <= Number(deadline) ? 1 : 0,
  );
}

/** @param question with `budgetMs`: after so long it answers with what it has */
export function searchAssets(db: Db, question: AssetQuestion & { budgetMs: number }): StoredAssets {
  const deadline = performance.now() + question.budgetMs;
  const { conditions, values } = conditionsOf(question);
  // Before the others, which take longer: what comes after the time is over is passed by.
  const where = [JOINED, 'in_time(?, a.last)', ...conditions].join(' AND ');
  const sensors = JSON.stringify(question.sensors);
  const rows = db
    .prepare(
      `SELECT ${COLUMNS} ${where} ORDER BY ${ORDERS[question.sort]}, a.sensor, a.address LIMIT ? OFFSET ?`,
    )
    .all(sensors, deadline, ...values, question.limit, question.offset) as Row[];
  const upTo = question.offset + rows.length;
  const isEnd = rows.length < question.limit && (rows.length > 0 || question.offset === 0);
  const known = db
    .prepare('SELECT coalesce(sum(n), 0) FROM asset_counts WHERE sensor IN (SELECT value FROM json_each(?))')
    .pluck()
    .get(sensors) as number;
  // Everything that is known was counted when it came; else no further than anybody can page to.
  const total =
    conditions.length === 0
      ? known
      : isEnd
        ? upTo
        : (db
            .prepare(`SELECT count(*) FROM (SELECT 1 ${where} LIMIT ?)`)
            .pluck()
            .get(sensors, deadline, ...values, ASSETS_COUNTED_MOST) as number);
  const from = Number(state(db, 'assets.from') ?? 0);
  return {
    assets: rows.map(shown),
    total: Math.max(total, rows.length === 0 ? 0 : upTo),
    known,
    most: ASSETS_MOST,
    evicted: Number(state(db, 'assets.evicted') ?? 0),
    readingFrom: from === 0 ? undefined : Math.floor(from / IDS_PER_MS),
    complete: performance.now() <= deadline,
  };
}

/** One address of one sensor; undefined when no event speaks of it. @param address hex */
export function findAsset(db: Db, sensor: string, address: string): StoredAsset | undefined {
  const row = db
    .prepare(`SELECT ${COLUMNS} ${JOINED} AND a.address = ?`)
    .get(JSON.stringify([sensor]), address);
  return row === undefined ? undefined : shown(row as Row);
}

/** As people write it (RFC 5952 for IPv6). */
export function addressText(hex: string): string {
  if (hex.length === 8)
    return (hex.match(/../g) ?? []).map((part) => String(Number.parseInt(part, 16))).join('.');
  return new URL(`http://[${(hex.match(/.{4}/g) ?? []).join(':')}]/`).hostname.slice(1, -1);
}

function conditionsOf({ text, kind, alerts }: AssetQuestion): { conditions: string[]; values: string[] } {
  const conditions: string[] = [];
  const values: string[] = [];
  if (kind !== undefined) conditions.push(KINDS[kind]);
  if (alerts === true) conditions.push('a.alerts > 0');
  if (text === undefined || text === '') return { conditions, values };
  const range = parseRange(text);
  if (range !== undefined) {
    conditions.push('in_range(a.address, ?)');
    values.push(`${range.hex}/${String(range.bits)}`);
    return { conditions, values };
  }
  const like = `%${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
  const inNames =
    "EXISTS (SELECT 1 FROM json_each(a.names) WHERE json_extract(value, '$.name') LIKE ? ESCAPE '\\')";
  conditions.push(
    `(${inNames} OR a.mac LIKE ? ESCAPE '\\' OR l.name LIKE ? ESCAPE '\\' OR l.note LIKE ? ESCAPE '\\')`,
  );
  values.push(like, like, like, like);
  return { conditions, values };
}

function shown(row: Row): StoredAsset {
  return {
    sensor: row.sensor,
    address: addressText(row.address),
    isPrivate: isPrivate(row.address),
    first: row.first,
    last: row.last,
    events: row.events,
    alerts: row.alerts,
    highAlerts: row.high,
    lastAlert: row.last_alert ?? undefined,
    mac: row.mac ?? undefined,
    names: JSON.parse(row.names) as AssetName[],
    services: JSON.parse(row.services) as AssetService[],
    label:
      row.at === null
        ? undefined
        : {
            name: row.label_name ?? '',
            note: row.note ?? '',
            critical: row.critical === 1,
            by: row.by_name ?? '',
            at: row.at,
          },
  };
}
