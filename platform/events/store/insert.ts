import type { StoredEvent } from '../../contracts/index.ts';
import { decodeMessage, type DecodeFault, type PackedMessage } from '../decode.ts';
import type { FieldPolicy } from '../field-policy.ts';
import { IDS_PER_MS, type Db } from './database.ts';
import { factsOf, type Facts, type IndexWords } from './facts.ts';
import { packLines } from './packs.ts';

/** A message on its way into the store. */
export interface IncomingMessage extends PackedMessage {
  /** When its stream was made: a stream that was made anew counts from 1 again. */
  streamCreated: string;
}

/** What a batch did. */
export interface Inserted {
  records: number;
  /** Messages that the store had already: sent twice by their publisher, or read again. */
  duplicates: number;
  faults: DecodeFault[];
}

interface Prepared {
  message: IncomingMessage;
  time: number;
  ceId: string;
  lines: string[];
  /** By record: undefined where there is none. */
  facts: (Facts | undefined)[];
  live: number;
}

/** A publisher's time is taken when it is about when the sensor stored the message; else that time. */
const MOST_AHEAD_MS = 60_000;
const MOST_BEHIND_MS = 7 * 86_400_000;
/** For the sensor's time of storing to count as the beginning of a record's age, it must be near the store's clock. */
const AGE_SLACK_S = 2 * 86_400;
const TREATMENT_FAILED = JSON.stringify({ bulkhead: 'the field policy could not be applied to this record' });
/** Ids must stay exact as JavaScript numbers: years 2000 to 2200. */
const EARLIEST_MS = 946_684_800_000;
const LATEST_MS = 7_258_118_400_000;

/**
 * Puts messages into the store and moves the positions of their streams, all or nothing. Call within no transaction.
 * @param options.dataS the store's clock
 * @throws what SQLite throws: nothing was stored then
 */
export function insertBatch(
  db: Db,
  messages: readonly IncomingMessage[],
  { policy, words, dataS }: { policy: FieldPolicy; words: IndexWords; dataS: number },
): Inserted {
  const result: Inserted = { records: 0, duplicates: 0, faults: [] };
  const prepared = messages.map((message) => prepare(message, policy, result.faults));
  const statements = prepareStatements(db);
  db.transaction(() => {
    const rows: { id: number; text: string }[] = [];
    const counts = new Map<string, number>();
    for (const pack of prepared) {
      const { message, lines, time } = pack;
      if (pack.live > 0) {
        const id = freeIds(statements, time, lines.length);
        const { changes } = statements.insertPack.run(
          id,
          lines.length,
          pack.live,
          time,
          ageFrom(message, dataS),
          message.instrument,
          message.type,
          pack.ceId,
          packLines(lines),
        );
        if (changes === 0) result.duplicates += 1;
        else {
          result.records += pack.live;
          indexPack(pack, id, words, rows, counts);
        }
      }
      statements.position.run(message.stream, message.streamCreated, message.sequence);
    }
    // In order of id: the index is then written in one go.
    rows.sort((a, b) => a.id - b.id);
    for (const { id, text } of rows) statements.insertWords.run(id, text);
    addCounts(db, counts);
    if (result.duplicates > 0) addDropped(db, 'duplicate', result.duplicates);
  })();
  return result;
}

/** Counts of a record go under its minute and its hour. */
export function countKey(id: number, type: string, instrument: string, severity: string): string {
  return JSON.stringify([minuteOf(id), type, instrument, severity]);
}

/** Adds to (or with negative numbers takes from) the counts of histograms. */
export function addCounts(db: Db, counts: ReadonlyMap<string, number>): void {
  const add = db.prepare(
    'INSERT INTO counts (hour, minute, type, instrument, severity, n) VALUES (?, ?, ?, ?, ?, ?) ' +
      'ON CONFLICT DO UPDATE SET n = n + excluded.n',
  );
  for (const [key, n] of counts) {
    const [minute, type, instrument, severity] = JSON.parse(key) as [number, string, string, string];
    const hour = Math.floor(minute / 60);
    add.run(hour, minute, type, instrument, severity, n);
    add.run(hour, -1, type, instrument, severity, n);
  }
}

export function addDropped(db: Db, reason: string, n: number): void {
  db.prepare('INSERT INTO dropped VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n').run(reason, n);
}

function prepare(message: IncomingMessage, policy: FieldPolicy, faults: DecodeFault[]): Prepared {
  const decoded = decodeMessage(message);
  faults.push(...decoded.faults);
  const first = decoded.events[0];
  const ceId = first === undefined ? '' : first.id.slice(0, first.id.lastIndexOf('/'));
  const lines: string[] = [];
  const facts: (Facts | undefined)[] = [];
  const untouched = policy.spares(message.type);
  for (const event of decoded.events) {
    const index = Number(event.id.slice(event.id.lastIndexOf('/') + 1));
    while (lines.length < index) {
      lines.push('');
      facts.push(undefined);
    }
    lines.push(untouched ? JSON.stringify(event.record) : treated(event, policy));
    facts.push(factsOf(event));
  }
  return {
    message,
    time: first === undefined ? 0 : timeOf(first.time, message.storedAt),
    ceId,
    lines,
    facts,
    live: decoded.events.length,
  };
}

/** Applies the policy in place, so that what is indexed afterwards is what is stored. */
function treated(event: StoredEvent, policy: FieldPolicy): string {
  try {
    policy.apply(event.type, event.record);
    return JSON.stringify(event.record);
  } catch {
    // Never store what could not be treated.
    event.record = JSON.parse(TREATMENT_FAILED) as Record<string, unknown>;
    return TREATMENT_FAILED;
  }
}

function timeOf(text: string, storedAt: Date): number {
  const stored = storedAt.getTime();
  const claimed = Date.parse(text);
  const time = claimed > stored + MOST_AHEAD_MS || claimed < stored - MOST_BEHIND_MS ? stored : claimed;
  return Math.min(Math.max(time, EARLIEST_MS), LATEST_MS);
}

function ageFrom({ storedAt }: IncomingMessage, dataS: number): number {
  const storedS = storedAt.getTime() / 1000;
  return Math.floor(Math.abs(storedS - dataS) < AGE_SLACK_S ? Math.min(storedS, dataS) : dataS);
}

function prepareStatements(db: Db) {
  return {
    before: db.prepare('SELECT id, count FROM packs WHERE id < ? ORDER BY id DESC LIMIT 1'),
    within: db.prepare('SELECT id, count FROM packs WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1'),
    insertPack: db.prepare(
      'INSERT INTO packs (id, count, live, time, stored, instrument, type, ce_id, records) ' +
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (instrument, ce_id) DO NOTHING',
    ),
    insertWords: db.prepare('INSERT INTO words (rowid, text) VALUES (?, ?)'),
    position: db.prepare(
      'INSERT INTO positions VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET created = excluded.created, sequence = excluded.sequence',
    ),
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
  { message, facts }: Prepared,
  id: number,
  words: IndexWords,
  rows: { id: number; text: string }[],
  counts: Map<string, number>,
): void {
  const { instrument, type } = message;
  // Nearly always one minute and one severity: the key is made when either changes.
  let minute = -1;
  let severity = '';
  let key = '';
  facts.forEach((fact, index) => {
    if (fact === undefined) return;
    rows.push({ id: id + index, text: words.of(instrument, type, fact) });
    const at = minuteOf(id + index);
    if (at !== minute || fact.severity !== severity) {
      [minute, severity] = [at, fact.severity];
      key = countKey(id + index, type, instrument, severity);
    }
    counts.set(key, (counts.get(key) ?? 0) + 1);
  });
}

function minuteOf(id: number): number {
  return Math.floor(id / IDS_PER_MS / 60_000);
}
