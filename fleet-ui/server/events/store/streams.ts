import type { Db } from './database.ts';
import type { IncomingMessage } from './message.ts';

/** Where a stream of a sensor stands. */
interface StreamRow {
  n: number;
  last: number;
  floor: number;
}

/**
 * Which messages arrived, whatever their order: recognises one that comes again, and knows what was sent and is missing.
 * For one transaction.
 */
export class Arrivals {
  readonly #find;
  readonly #add;
  readonly #move;
  readonly #hole;
  readonly #openHole;
  readonly #closeHole;
  readonly #rows = new Map<string, StreamRow>();

  constructor(db: Db) {
    this.#find = db.prepare(
      'SELECT n, last, floor FROM streams WHERE sensor = ? AND stream = ? AND created = ?',
    );
    this.#add = db.prepare(
      'INSERT INTO streams (sensor, stream, created, last, floor) VALUES (?, ?, ?, 0, 0)',
    );
    this.#move = db.prepare('UPDATE streams SET last = ? WHERE n = ?');
    this.#hole = db.prepare(
      'SELECT after, upto, since FROM holes WHERE stream = ? AND after < ? AND upto >= ?',
    );
    this.#openHole = db.prepare(
      'INSERT OR REPLACE INTO holes (stream, after, upto, since) VALUES (?, ?, ?, ?)',
    );
    this.#closeHole = db.prepare('DELETE FROM holes WHERE stream = ? AND after = ?');
  }

  /** Number of the message's stream; undefined when the message was here before and may have gone since. */
  streamOf(message: IncomingMessage): number | undefined {
    const row = this.#row(message);
    return message.sequence <= row.floor ? undefined : row.n;
  }

  /** Notes that a message is here; to be called once for each. */
  arrived(message: IncomingMessage): void {
    const row = this.#row(message);
    const { sequence } = message;
    const previous = Math.min(message.previous, sequence - 1);
    if (sequence > row.last) {
      // The first message of a stream begins it: what went before it, nobody here was promised.
      if (row.last > 0 && previous > row.last)
        this.#openHole.run(row.n, row.last, previous, message.receivedAt);
      row.last = sequence;
      this.#move.run(sequence, row.n);
      return;
    }
    const hole = this.#hole.get(row.n, sequence, sequence) as
      { after: number; upto: number; since: number } | undefined;
    if (hole === undefined) return;
    this.#closeHole.run(row.n, hole.after);
    if (previous > hole.after) this.#openHole.run(row.n, hole.after, previous, hole.since);
    if (sequence < hole.upto) this.#openHole.run(row.n, sequence, hole.upto, hole.since);
  }

  #row({ sensor, stream, streamCreated }: IncomingMessage): StreamRow {
    const key = `${sensor} ${stream} ${streamCreated}`;
    let row = this.#rows.get(key) ?? (this.#find.get(sensor, stream, streamCreated) as StreamRow | undefined);
    if (row === undefined) {
      const { lastInsertRowid } = this.#add.run(sensor, stream, streamCreated);
      row = { n: Number(lastInsertRowid), last: 0, floor: 0 };
    }
    this.#rows.set(key, row);
    return row;
  }
}
