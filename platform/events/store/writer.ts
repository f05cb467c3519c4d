import type { FieldRule } from '../../contracts/index.ts';
import { compileFieldPolicy, type FieldPolicy } from '../field-policy.ts';
import { advance, believe, type ClockReading, type ClockState } from './clock.ts';
import type { DataSubject } from './data.ts';
import { openForWriting, setAside, type Db } from './database.ts';
import { IndexWords } from './facts.ts';
import { insertBatch, type IncomingMessage, type Inserted } from './insert.ts';
import { maintainSlice, setState, state, wantMerge, type Keeping, type Upkeep } from './maintain.ts';
import { addHold, purgeSlice, releaseHold } from './subjects.ts';

/** How far a stream is stored. */
export interface StreamPosition {
  stream: string;
  created: string;
  sequence: number;
}

/** Positions are noted at most so often, for "what is older than". */
const MARK_S = 600;
const MARKS_PER_STREAM = 1_024;

/** What the writing thread does when asked. Every function is one short, whole step. */
export function openWriter(options: { dir: string; nativeBinding: string | undefined; rebuild: boolean }) {
  if (options.rebuild) setAside(options.dir);
  const { db, damaged } = openForWriting(options.dir, options.nativeBinding);
  const words = new IndexWords();
  let policy: FieldPolicy = compileFieldPolicy([], 'storage', Buffer.alloc(0));
  const tick = (now: ClockReading): ClockState & { jumpedS?: number } => {
    const text = state(db, 'clock');
    const before = text === undefined ? undefined : (JSON.parse(text) as ClockState);
    const step = advance(before, now);
    setState(db, 'clock', JSON.stringify(step.state));
    return { ...step.state, ...(step.jumpedS === undefined ? {} : { jumpedS: step.jumpedS }) };
  };
  const dataS = (): number => {
    const text = state(db, 'clock');
    return text === undefined ? Math.floor(Date.now() / 1000) : (JSON.parse(text) as ClockState).dataS;
  };
  return {
    /** Why a damaged store was set aside when this one was opened. */
    damage: (): string | undefined => damaged,
    configure: (rules: readonly FieldRule[], secret: Uint8Array): void => {
      policy = compileFieldPolicy(rules, 'storage', secret);
    },
    /** Moves the store's clock on; to be called before anything that depends on age. */
    tick,
    /** A person confirms that the machine was off for as long as its clock says. */
    believeClock: (): void => {
      const text = state(db, 'clock');
      if (text !== undefined) setState(db, 'clock', JSON.stringify(believe(JSON.parse(text) as ClockState)));
    },
    insert: (messages: readonly IncomingMessage[]): Inserted =>
      insertBatch(db, messages, { policy, words, dataS: dataS() }),
    maintain: (keeping: Keeping): Upkeep => {
      mark(db, dataS());
      return maintainSlice(db, keeping, dataS());
    },
    positions: (): StreamPosition[] => db.prepare('SELECT * FROM positions').all() as StreamPosition[],
    /** The stream was made anew: it is read from its beginning. */
    forget: (stream: string): void => {
      db.transaction(() => {
        db.prepare('DELETE FROM positions WHERE stream = ?').run(stream);
        db.prepare('DELETE FROM marks WHERE stream = ?').run(stream);
      })();
    },
    /** The last sequence of a stream that was in the store `ageS` ago; 0 when that is not known. */
    storedBefore: (stream: string, ageS: number): number =>
      (db
        .prepare('SELECT max(sequence) FROM marks WHERE stream = ? AND stored <= ?')
        .pluck()
        .get(stream, dataS() - ageS) ?? 0) as number,
    purge: (subject: DataSubject, fromId: number) => {
      const slice = purgeSlice(db, subject, fromId);
      if (slice.deleted > 0) wantMerge(db);
      return slice;
    },
    hold: (subject: DataSubject, reason: string, since: string) => addHold(db, subject, reason, since),
    release: (id: number): boolean => releaseHold(db, id),
    /** Copies the journal into the store, so that what was deleted is overwritten there. */
    checkpoint: (): void => {
      db.pragma('wal_checkpoint(TRUNCATE)');
    },
    close: (): void => {
      db.close();
    },
  };
}
export type Writer = ReturnType<typeof openWriter>;

function mark(db: Db, dataS: number): void {
  const positions = db.prepare('SELECT stream, sequence FROM positions').all() as StreamPosition[];
  for (const { stream, sequence } of positions) {
    const last = db.prepare('SELECT max(stored) FROM marks WHERE stream = ?').pluck().get(stream) as
      number | null;
    if (last !== null && dataS - last < MARK_S) continue;
    // The first time at which it was there counts.
    db.prepare('INSERT INTO marks VALUES (?, ?, ?) ON CONFLICT DO NOTHING').run(
      stream,
      sequence,
      Math.floor(dataS),
    );
    db.prepare(
      'DELETE FROM marks WHERE stream = ? AND sequence <= (SELECT sequence FROM marks WHERE stream = ? ' +
        'ORDER BY sequence DESC LIMIT 1 OFFSET ?)',
    ).run(stream, stream, MARKS_PER_STREAM);
  }
}
