import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { FleetEvent } from '@bulkhead/fleet-api';
import { hasCode } from '@bulkhead/platform/kernel';
import type { Db } from './database.ts';
import { severityOf } from './severity.ts';

/** Largest pack when unpacked. */
const MOST_BYTES = 16 * 1024 * 1024;

/** A row of `packs`. */
export interface Pack {
  id: number;
  count: number;
  live: number;
  time: number;
  sensor: string;
  instrument: string;
  type: string;
  ce_id: string;
  records: Buffer;
}

/** @param lines JSON of each record by its number; empty for one that is not there. */
export function packLines(lines: readonly string[]): Buffer {
  return deflateRawSync(lines.join('\n'), { level: 3 });
}

/** Id of an event, for outside. */
export function eventId(id: number): string {
  return id.toString(36);
}

/** The number behind an id; NaN for what is none. */
export function idNumber(id: string): number {
  const value = Number.parseInt(id, 36);
  return Number.isSafeInteger(value) && value.toString(36) === id ? value : Number.NaN;
}

/** The event with this number; undefined when it is not there or cannot be read. */
export function eventOf(pack: Pack, lines: readonly string[], index: number): FleetEvent | undefined {
  const line = lines[index];
  if (line === undefined || line === '') return undefined;
  const record = JSON.parse(line) as Record<string, unknown>;
  return {
    id: eventId(pack.id + index),
    sensor: pack.sensor,
    instrument: pack.instrument,
    type: pack.type,
    time: new Date(pack.time).toISOString(),
    severity: severityOf(record),
    sensorEventId: `${pack.ce_id}/${String(index)}`,
    record,
  };
}

/**
 * Reads events by id, unpacking each pack once.
 *
 * INVARIANTS: keeps at most a few dozen packs in memory; good for one question, not beyond.
 */
export class PackReader {
  readonly #below;
  readonly #whole;
  readonly #kept = new Map<number, { pack: Pack; lines: string[] }>();
  #last: { pack: Pack; lines: string[] } | undefined;

  constructor(db: Db) {
    this.#below = db.prepare('SELECT id, count FROM packs WHERE id <= ? ORDER BY id DESC LIMIT 1');
    this.#whole = db.prepare('SELECT * FROM packs WHERE id = ?');
  }

  event(id: number): FleetEvent | undefined {
    const found = this.#at(id);
    return found === undefined ? undefined : eventOf(found.pack, found.lines, id - found.pack.id);
  }

  #at(id: number): { pack: Pack; lines: string[] } | undefined {
    if (this.#last !== undefined && holds(this.#last.pack, id)) return this.#last;
    const row = this.#below.get(id) as { id: number; count: number } | undefined;
    if (row === undefined || !holds(row, id)) return undefined;
    const kept = this.#kept.get(row.id);
    if (kept !== undefined) return (this.#last = kept);
    const pack = this.#whole.get(row.id) as Pack;
    const read = { pack, lines: linesOf(pack) };
    if (this.#kept.size > 48) this.#kept.clear();
    this.#kept.set(pack.id, read);
    return (this.#last = read);
  }
}

/** A pack's lines; none when it cannot be unpacked, so that one does not hide the others. */
export function linesOf(pack: Pick<Pack, 'records'>): string[] {
  try {
    return inflateRawSync(pack.records, { maxOutputLength: MOST_BYTES }).toString('utf8').split('\n');
  } catch (error) {
    if (hasCode(error, 'ERR_OUT_OF_MEMORY')) throw error;
    return [];
  }
}

function holds(pack: { id: number; count: number }, id: number): boolean {
  return id >= pack.id && id < pack.id + pack.count;
}
