import { AssetTally } from './assets.ts';
import { CountTally, LEVEL_MS } from './counts.ts';
import { IDS_PER_MS, type Db } from './database.ts';
import { factsOf, type Facts, type IndexWords } from './facts.ts';
import { recordsOf, type IncomingMessage } from './message.ts';
import { packLines } from './packs.ts';
import { sightingsOf, type Sighting } from './sightings.ts';
import { Arrivals } from './streams.ts';

/** What a batch did. */
export interface Inserted {
  records: number;
  /** Messages that were here before. */
  duplicates: number;
  /** Records that cannot be read, and were left out. */
  unreadable: number;
  /** Ids of the first records of the messages that are new; the same order as the messages, 0 for those that are not. */
  ids: number[];
}

interface Prepared {
  message: IncomingMessage;
  time: number;
  lines: string[];
  facts: (Facts | undefined)[];
  sightings: Sighting[];
  live: number;
}

/** A sensor's time is taken when it can be: not ahead of the fleet's, and no older than a long absence. */
const MOST_AHEAD_MS = 60_000;
const MOST_BEHIND_MS = 400 * 86_400_000;
/** A publisher's time is taken when it is about when the sensor stored the message. */
const PUBLISHER_BEHIND_MS = 7 * 86_400_000;
/** Ids must stay exact as JavaScript numbers: years 2000 to 2200. */
const EARLIEST_MS = 946_684_800_000;
const LATEST_MS = 7_258_118_400_000;

/** More signatures than all public rulesets have. */
const SIGNATURES_MOST = 200_000;

/** Type under which a sensor says that it dropped messages before it could send them. */
export const GAP_TYPE = 'uplink.gap';

/**
 * Puts messages into the store, each once, all or nothing. Call within no transaction.
 * @throws what SQLite throws: nothing was stored then
 */
export function insertBatch(db: Db, messages: readonly IncomingMessage[], words: IndexWords): Inserted {
  const result: Inserted = { records: 0, duplicates: 0, unreadable: 0, ids: [] };
  const prepared = messages.map(prepare);
  const statements = prepareStatements(db);
  db.transaction(() => {
    const arrivals = new Arrivals(db);
    const rows: { id: number; text: string }[] = [];
    const tally = new Tally();
    const assets = new AssetTally(db);
    for (const pack of prepared) {
      const id = insertPack(statements, arrivals, pack);
      result.ids.push(pack.live > 0 ? (id ?? 0) : 0);
      if (id === undefined) {
        result.duplicates += 1;
        continue;
      }
      result.records += pack.live;
      result.unreadable += pack.facts.length - pack.live;
      if (pack.live > 0) indexPack(pack, id, words, rows, tally);
      assets.add(pack.message.sensor, id, pack.sightings);
    }
    // In order of id: the index is then written in one go.
    rows.sort((a, b) => a.id - b.id);
    for (const { id, text } of rows) statements.insertWords.run(id, text);
    tally.write(db);
    assets.write(db);
    addDropped(db, 'duplicate', result.duplicates);
    addDropped(db, 'unreadable', result.unreadable);
  })();
  return result;
}

export function addDropped(db: Db, reason: string, n: number): void {
  if (n === 0) return;
  db.prepare('INSERT INTO dropped VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n').run(reason, n);
}

/** @returns the id of its first record (or 0 when it has none); undefined when it was here before */
function insertPack(
  statements: ReturnType<typeof prepareStatements>,
  arrivals: Arrivals,
  { message, lines, time, live }: Prepared,
): number | undefined {
  const stream = arrivals.streamOf(message);
  if (stream === undefined) return undefined;
  let id = 0;
  if (live > 0) {
    if (statements.known.get(stream, message.sequence) !== undefined) return undefined;
    id = freeIds(statements, time, lines.length);
    const { sensor, instrument, type, sequence, ceId } = message;
    statements.insertPack.run(
      ...[id, lines.length, live, time, sensor, instrument, type, stream, sequence, ceId, packLines(lines)],
    );
  }
  arrivals.arrived(message);
  return id;
}

function prepare(message: IncomingMessage): Prepared {
  const records = recordsOf(message.body);
  const facts = records.map((record) => (record === undefined ? undefined : factsOf(record)));
  return {
    message,
    time: timeOf(message),
    lines: records.map((record) => (record === undefined ? '' : JSON.stringify(record))),
    facts,
    sightings: records.flatMap((record) => (record === undefined ? [] : sightingsOf(record))),
    live: facts.filter((fact) => fact !== undefined).length,
  };
}

function timeOf({ ceTime, storedAt, receivedAt }: IncomingMessage): number {
  const usable = storedAt <= receivedAt + MOST_AHEAD_MS && storedAt >= receivedAt - MOST_BEHIND_MS;
  const stored = usable ? storedAt : receivedAt;
  const claimed = Date.parse(ceTime);
  const near = claimed <= stored + MOST_AHEAD_MS && claimed >= stored - PUBLISHER_BEHIND_MS;
  return Math.min(Math.max(near ? claimed : stored, EARLIEST_MS), LATEST_MS);
}

function prepareStatements(db: Db) {
  return {
    before: db.prepare('SELECT id, count FROM packs WHERE id < ? ORDER BY id DESC LIMIT 1'),
    within: db.prepare('SELECT id, count FROM packs WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1'),
    known: db.prepare('SELECT 1 FROM packs WHERE stream = ? AND sequence = ?'),
    insertPack: db.prepare(
      'INSERT INTO packs (id, count, live, time, sensor, instrument, type, stream, sequence, ce_id, records) ' +
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    insertWords: db.prepare('INSERT INTO words (rowid, text) VALUES (?, ?)'),
  };
}

/** The first ids from this millisecond on that no pack takes. */
function freeIds(statements: ReturnType<typeof prepareStatements>, time: number, count: number): number {
  type Row = { id: number; count: number } | undefined;
  let from = time * IDS_PER_MS;
  const previous = statements.before.get(from) as Row;
  if (previous !== undefined) from = Math.max(from, previous.id + previous.count);
  for (;;) {
    const taken = statements.within.get(from, from + count) as Row;
    if (taken === undefined) return from;
    from = taken.id + taken.count;
  }
}

function indexPack(
  { message, facts, time, live, lines }: Prepared,
  id: number,
  words: IndexWords,
  rows: { id: number; text: string }[],
  tally: Tally,
): void {
  const { sensor, instrument, type } = message;
  facts.forEach((fact, index) => {
    if (fact === undefined) return;
    rows.push({ id: id + index, text: words.of(sensor, instrument, type, fact) });
    tally.count((id + index) / IDS_PER_MS, message, fact);
  });
  tally.arrived(sensor, live, time, type === GAP_TYPE ? droppedIn(lines) : 0);
}

/** How many messages a sensor says that it dropped. */
function droppedIn(lines: readonly string[]): number {
  return lines.reduce((sum, line) => {
    const { messages } = (line === '' ? {} : JSON.parse(line)) as { messages?: unknown };
    return (
      sum + (typeof messages === 'number' && Number.isSafeInteger(messages) && messages > 0 ? messages : 0)
    );
  }, 0);
}

/** Counts of one batch, written in one go. */
class Tally {
  readonly #counts = new CountTally();
  readonly #signatures = new Map<string, number>();
  readonly #texts = new Map<string, string>();
  readonly #sensors = new Map<string, { records: number; newest: number; dropped: number }>();

  count(timeMs: number, { sensor, instrument, type }: IncomingMessage, fact: Facts): void {
    this.#counts.add(timeMs, { sensor, instrument, type, severity: fact.severity });
    if (fact.signatureId === '') return;
    const hour = Math.floor(timeMs / LEVEL_MS[1]);
    add(this.#signatures, JSON.stringify([hour, sensor, instrument, type, fact.severity, fact.signatureId]));
    this.#texts.set(fact.signatureId, fact.signature);
  }

  arrived(sensor: string, records: number, time: number, dropped: number): void {
    const sum = this.#sensors.get(sensor) ?? { records: 0, newest: 0, dropped: 0 };
    this.#sensors.set(sensor, {
      records: sum.records + records,
      newest: Math.max(sum.newest, time),
      dropped: sum.dropped + dropped,
    });
  }

  /** Ids of signatures are a sensor's own words: one that makes them up is not counted by them beyond a bound. */
  #boundSignatures(db: Db): void {
    if (this.#texts.size === 0) return;
    const count = db.prepare('SELECT count(*) FROM signatures').pluck().get() as number;
    if (count + this.#texts.size <= SIGNATURES_MOST) return;
    const known = db.prepare('SELECT 1 FROM signatures WHERE id = ?');
    for (const id of [...this.#texts.keys()]) if (known.get(id) === undefined) this.#texts.delete(id);
  }

  write(db: Db): void {
    this.#counts.write(db);
    this.#boundSignatures(db);
    const addSignature = db.prepare(
      'INSERT INTO signature_counts VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n',
    );
    for (const [key, n] of this.#signatures) {
      const kind = JSON.parse(key) as unknown[];
      if (this.#texts.has(String(kind.at(-1)))) addSignature.run(...kind, n);
    }
    const text = db.prepare(
      'INSERT INTO signatures VALUES (?, ?) ON CONFLICT DO UPDATE SET text = excluded.text WHERE text <> excluded.text',
    );
    for (const entry of this.#texts) text.run(...entry);
    const sensor = db.prepare(
      'INSERT INTO sensor_facts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET records = records + excluded.records, ' +
        'newest = max(newest, excluded.newest), dropped = dropped + excluded.dropped',
    );
    for (const [name, sum] of this.#sensors) sensor.run(name, sum.records, sum.newest, sum.dropped);
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
