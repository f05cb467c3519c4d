import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { StoredEvent } from '../../contracts/index.ts';
import { hasCode } from '../../kernel/index.ts';
import type { Db } from './database.ts';

/** Largest pack when unpacked: a message is at most 1 MiB, and treated fields are shorter or little longer. */
const MOST_BYTES = 16 * 1024 * 1024;

/** A row of `packs`, with its records unpacked when they are first asked for. */
export interface Pack {
  id: number;
  count: number;
  live: number;
  time: number;
  instrument: string;
  type: string;
  ce_id: string;
  records: Buffer;
}

/** @param lines JSON of each record by its number; empty for one that is not there (any more). */
export function packLines(lines: readonly string[]): Buffer {
  return deflateRawSync(lines.join('\n'), { level: 3 });
}

export function unpackLines(records: Buffer): string[] {
  return inflateRawSync(records, { maxOutputLength: MOST_BYTES }).toString('utf8').split('\n');
}

/** The event with this number; undefined when it was removed, or cannot be read. */
export function eventOf(pack: Pack, lines: readonly string[], index: number): StoredEvent | undefined {
  const line = lines[index];
  if (line === undefined || line === '') return undefined;
  return {
    id: `${pack.ce_id}/${String(index)}`,
    instrument: pack.instrument,
    type: pack.type,
    time: new Date(pack.time).toISOString(),
    record: JSON.parse(line) as Record<string, unknown>,
  };
}

/**
 * Reads events by id, unpacking each pack once.
 *
 * INVARIANTS: keeps at most a few dozen packs in memory; good for one question, not beyond.
 */
export class PackReader {
  readonly #below: ReturnType<Db['prepare']>;
  readonly #whole: ReturnType<Db['prepare']>;
  readonly #kept = new Map<number, { pack: Pack; lines: string[] }>();
  #last: { pack: Pack; lines: string[] } | undefined;

  constructor(db: Db) {
    this.#below = db.prepare('SELECT id, count FROM packs WHERE id <= ? ORDER BY id DESC LIMIT 1');
    this.#whole = db.prepare('SELECT * FROM packs WHERE id = ?');
  }

  event(id: number): StoredEvent | undefined {
    const found = this.at(id);
    return found === undefined ? undefined : eventOf(found.pack, found.lines, id - found.pack.id);
  }

  at(id: number): { pack: Pack; lines: string[] } | undefined {
    if (this.#last !== undefined && holds(this.#last.pack, id)) return this.#last;
    const row = this.#below.get(id) as { id: number; count: number } | undefined;
    if (row === undefined || !holds(row, id)) return undefined;
    const kept = this.#kept.get(row.id);
    if (kept !== undefined) return (this.#last = kept);
    const pack = this.#whole.get(row.id) as Pack;
    const read = { pack, lines: linesOrNone(pack) };
    if (this.#kept.size > 48) this.#kept.clear();
    this.#kept.set(pack.id, read);
    return (this.#last = read);
  }
}

/** One pack that cannot be unpacked must not hide the others. */
function linesOrNone(pack: Pack): string[] {
  try {
    return unpackLines(pack.records);
  } catch (error) {
    if (hasCode(error, 'ERR_OUT_OF_MEMORY')) throw error;
    return [];
  }
}

function holds(pack: { id: number; count: number }, id: number): boolean {
  return id >= pack.id && id < pack.id + pack.count;
}
