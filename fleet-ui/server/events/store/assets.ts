import { IDS_PER_MS, setState, state, type Db } from './database.ts';
import { linesOf } from './packs.ts';
import { isPrivate, sightingsOf, type NameSource, type Sighting } from './sightings.ts';

/**
 * Addresses that events speak of, by sensor: the same private address at two places is two hosts. Derived from the records in the
 * transaction that stores them, so that nothing is counted twice or left out, whatever happens in between. What was stored before the
 * table was there is read slice by slice, from the newest to the oldest (`state` assets.from: below it nothing was read yet).
 */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS assets (
  sensor TEXT NOT NULL, address TEXT NOT NULL,  -- hex, see addressHex
  rank INTEGER NOT NULL,                        -- 0 public, 1 private, 2 a person labelled it
  first INTEGER NOT NULL, last INTEGER NOT NULL, -- ms
  events INTEGER NOT NULL, alerts INTEGER NOT NULL, high INTEGER NOT NULL, last_alert INTEGER,
  mac TEXT,
  names TEXT NOT NULL, services TEXT NOT NULL,  -- JSON, the newest first
  PRIMARY KEY (sensor, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS assets_age ON assets (sensor, rank, last);
CREATE TABLE IF NOT EXISTS asset_counts (sensor TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS asset_labels (
  sensor TEXT NOT NULL, address TEXT NOT NULL,
  name TEXT NOT NULL, note TEXT NOT NULL, critical INTEGER NOT NULL, by_name TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (sensor, address)
) STRICT, WITHOUT ROWID;
`;

/** Of all sensors. The one that has the most loses its oldest, public ones first. */
export const ASSETS_MOST = 200_000;
export const ASSET_LIMITS = Object.freeze({ names: 8, services: 24 });
const SLICE_PACKS = 48;
const DAY_MS = 86_400_000;

export interface AssetName {
  name: string;
  from: NameSource;
  /** ms */
  last: number;
}

export interface AssetService {
  port: number;
  protocol: string;
  application: string;
  last: number;
}

/** A row of `assets`. */
export interface AssetRow {
  sensor: string;
  address: string;
  rank: number;
  first: number;
  last: number;
  events: number;
  alerts: number;
  high: number;
  last_alert: number | null;
  mac: string | null;
  names: string;
  services: string;
}

/** What a person says of an address; kept in the fleet's database, and here for questions. */
export interface AssetLabelRow {
  sensor: string;
  address: string;
  name: string;
  note: string;
  critical: number;
  by_name: string;
  at: number;
}

/** Makes the tables when they are missing, and sets what is to be read then. */
export function openAssets(db: Db): void {
  db.transaction(() => {
    db.exec(SCHEMA);
    if (state(db, 'assets.from') !== undefined) return;
    const end = db.prepare('SELECT id + count FROM packs ORDER BY id DESC LIMIT 1').pluck().get();
    setState(db, 'assets.from', String((end as number | undefined) ?? 0));
  })();
}

/** One address in one batch. */
interface Sum {
  sensor: string;
  address: string;
  /** Nothing but spoken of so far. */
  spokenOf: boolean;
  first: number;
  last: number;
  events: number;
  alerts: number;
  high: number;
  lastAlert: number;
  mac: string | undefined;
  names: Map<string, AssetName>;
  services: Map<string, AssetService>;
}

/** What the records of one batch say about addresses, written in one go. For one transaction. */
export class AssetTally {
  readonly #sums = new Map<string, Sum>();
  readonly #from: number;

  constructor(db: Db) {
    this.#from = Number(state(db, 'assets.from') ?? 0);
  }

  /** @param id of the pack: what lies below what was read comes when it is read */
  add(sensor: string, id: number, sightings: readonly Sighting[]): void {
    if (id >= this.#from) this.take(sensor, Math.floor(id / IDS_PER_MS), sightings);
  }

  take(sensor: string, timeMs: number, sightings: readonly Sighting[]): void {
    for (const sighting of sightings) {
      const key = `${sensor} ${sighting.address}`;
      const sum = this.#sums.get(key) ?? emptySum(sensor, sighting.address, timeMs);
      this.#sums.set(key, sum);
      addSighting(sum, sighting, timeMs);
    }
  }

  write(db: Db): void {
    if (this.#sums.size === 0) return;
    const find = db.prepare('SELECT * FROM assets WHERE sensor = ? AND address = ?');
    const labelled = db.prepare('SELECT 1 FROM asset_labels WHERE sensor = ? AND address = ?');
    const put = db.prepare(
      'INSERT OR REPLACE INTO assets (sensor, address, rank, first, last, events, alerts, high, last_alert, mac, names, services) ' +
        'VALUES (@sensor, @address, @rank, @first, @last, @events, @alerts, @high, @last_alert, @mac, @names, @services)',
    );
    const added = new Map<string, number>();
    for (const sum of this.#sums.values()) {
      const row = find.get(sum.sensor, sum.address) as AssetRow | undefined;
      const inside = isPrivate(sum.address);
      if (row === undefined) {
        if (sum.spokenOf && !inside) continue;
        added.set(sum.sensor, (added.get(sum.sensor) ?? 0) + 1);
      }
      const rank = row?.rank ?? (labelled.get(sum.sensor, sum.address) === undefined ? (inside ? 1 : 0) : 2);
      put.run(merged(row, sum, rank));
    }
    const count = db.prepare(
      'INSERT INTO asset_counts VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n',
    );
    for (const entry of added) count.run(...entry);
    if (added.size > 0) evict(db, ASSETS_MOST);
  }
}

/** Lets the oldest go until there are no more than allowed. Call within a transaction. */
export function evict(db: Db, most: number): void {
  let over = (db.prepare('SELECT coalesce(sum(n), 0) FROM asset_counts').pluck().get() as number) - most;
  const largest = db.prepare('SELECT sensor, n FROM asset_counts ORDER BY n DESC LIMIT 2');
  const remove = db.prepare(
    'DELETE FROM assets WHERE (sensor, address) IN (SELECT sensor, address FROM assets WHERE sensor = ? ORDER BY rank, last LIMIT ?)',
  );
  while (over > 0) {
    const [first, second] = largest.all() as { sensor: string; n: number }[];
    if (first === undefined) return;
    const { changes } = remove.run(first.sensor, Math.min(over, Math.max(1, first.n - (second?.n ?? 0))));
    if (changes === 0) return;
    lessen(db, first.sensor, changes);
    setState(db, 'assets.evicted', String(Number(state(db, 'assets.evicted') ?? 0) + changes));
    over -= changes;
  }
}

/** What was last seen before the oldest event that is kept goes too; what a person labelled keeps its label elsewhere. */
export function expireAssets(db: Db, beforeMs: number, nowMs: number): void {
  const last = Number(state(db, 'assets.expired') ?? 0);
  if (nowMs >= last && nowMs - last < DAY_MS / 24) return;
  db.transaction(() => {
    setState(db, 'assets.expired', String(nowMs));
    const sensors = db.prepare('SELECT sensor FROM asset_counts').pluck().all() as string[];
    const remove = db.prepare('DELETE FROM assets WHERE sensor = ? AND rank = ? AND last < ?');
    for (const sensor of sensors) {
      const gone = [0, 1, 2].reduce((sum, rank) => sum + remove.run(sensor, rank, beforeMs).changes, 0);
      if (gone > 0) lessen(db, sensor, gone);
    }
  })();
}

/** Reads some of what was stored before there were assets. @returns whether there is more */
export function readOlderAssets(db: Db): boolean {
  const from = Number(state(db, 'assets.from') ?? 0);
  if (from === 0) return false;
  return db.transaction(() => {
    const packs = db
      .prepare('SELECT id, sensor, records FROM packs WHERE id < ? ORDER BY id DESC LIMIT ?')
      .all(from, SLICE_PACKS) as { id: number; sensor: string; records: Buffer }[];
    const tally = new AssetTally(db);
    for (const { id, sensor, records } of packs) {
      for (const line of linesOf({ records })) {
        if (line === '') continue;
        tally.take(
          sensor,
          Math.floor(id / IDS_PER_MS),
          sightingsOf(JSON.parse(line) as Record<string, unknown>),
        );
      }
    }
    tally.write(db);
    setState(db, 'assets.from', String(packs.length < SLICE_PACKS ? 0 : (packs.at(-1)?.id ?? 0)));
    return packs.length === SLICE_PACKS;
  })();
}

/** Makes the labels what is given: all of them, or those alone that are given. A label without words is none. */
export function setLabels(db: Db, labels: readonly AssetLabelRow[], isAll: boolean): void {
  const rank = db.prepare('UPDATE assets SET rank = ? WHERE sensor = ? AND address = ?');
  const remove = db.prepare('DELETE FROM asset_labels WHERE sensor = ? AND address = ?');
  const put = db.prepare(
    'INSERT OR REPLACE INTO asset_labels (sensor, address, name, note, critical, by_name, at) ' +
      'VALUES (@sensor, @address, @name, @note, @critical, @by_name, @at)',
  );
  db.transaction(() => {
    if (isAll) {
      db.prepare('DELETE FROM asset_labels').run();
      const before = db.prepare('SELECT sensor, address FROM assets WHERE rank = 2').all() as AssetRow[];
      for (const { sensor, address } of before) rank.run(isPrivate(address) ? 1 : 0, sensor, address);
    }
    for (const label of labels) {
      const { sensor, address } = label;
      const isNone = label.name === '' && label.note === '' && label.critical === 0;
      if (isNone) remove.run(sensor, address);
      else put.run(label);
      rank.run(isNone ? (isPrivate(address) ? 1 : 0) : 2, sensor, address);
    }
  })();
}

function lessen(db: Db, sensor: string, n: number): void {
  db.prepare('UPDATE asset_counts SET n = n - ? WHERE sensor = ?').run(n, sensor);
  db.prepare('DELETE FROM asset_counts WHERE sensor = ? AND n <= 0').run(sensor);
}

function emptySum(sensor: string, address: string, timeMs: number): Sum {
  return {
    ...{ sensor, address, spokenOf: true, first: timeMs, last: timeMs, events: 0, alerts: 0, high: 0 },
    ...{ lastAlert: 0, mac: undefined, names: new Map(), services: new Map() },
  };
}

function addSighting(sum: Sum, { spokenOf, names, service, mac, alert }: Sighting, timeMs: number): void {
  sum.spokenOf &&= spokenOf;
  sum.first = Math.min(sum.first, timeMs);
  sum.last = Math.max(sum.last, timeMs);
  sum.events += 1;
  if (alert !== undefined) {
    sum.alerts += 1;
    sum.lastAlert = Math.max(sum.lastAlert, timeMs);
  }
  if (alert === 'high') sum.high += 1;
  sum.mac = mac ?? sum.mac;
  for (const { name, from } of names)
    newer(sum.names, `${from} ${name}`, { name, from, last: timeMs }, NAMES_KEPT);
  if (service !== undefined) {
    newer(
      sum.services,
      `${service.protocol} ${String(service.port)}`,
      { ...service, last: timeMs },
      SERVICES_KEPT,
    );
  }
}

/** In memory, of one batch; more than are kept in the end. */
const NAMES_KEPT = 32;
const SERVICES_KEPT = 128;

function newer<T extends { last: number }>(map: Map<string, T>, key: string, value: T, most: number): void {
  const known = map.get(key);
  if (known === undefined ? map.size < most : known.last <= value.last) map.set(key, value);
}

function merged(row: AssetRow | undefined, sum: Sum, rank: number): AssetRow {
  const lastAlert = Math.max(row?.last_alert ?? 0, sum.lastAlert);
  return {
    sensor: sum.sensor,
    address: sum.address,
    rank,
    first: Math.min(row?.first ?? sum.first, sum.first),
    last: Math.max(row?.last ?? sum.last, sum.last),
    events: (row?.events ?? 0) + sum.events,
    alerts: (row?.alerts ?? 0) + sum.alerts,
    high: (row?.high ?? 0) + sum.high,
    last_alert: lastAlert === 0 ? null : lastAlert,
    mac: sum.mac ?? row?.mac ?? null,
    names: list(row?.names, sum.names, ({ name, from }: AssetName) => `${from} ${name}`, ASSET_LIMITS.names),
    services: list(
      row?.services,
      sum.services,
      ({ protocol, port }: AssetService) => `${protocol} ${String(port)}`,
      ASSET_LIMITS.services,
    ),
  };
}

/** The newest first, each once. */
function list<T extends { last: number }>(
  text: string | undefined,
  more: ReadonlyMap<string, T>,
  keyOf: (entry: T) => string,
  most: number,
): string {
  if (more.size === 0) return text ?? '[]';
  const all = new Map(
    ((text === undefined ? [] : JSON.parse(text)) as T[]).map((entry) => [keyOf(entry), entry]),
  );
  for (const [key, entry] of more) newer(all, key, entry, Number.POSITIVE_INFINITY);
  return JSON.stringify([...all.values()].sort((a, b) => b.last - a.last).slice(0, most));
}
