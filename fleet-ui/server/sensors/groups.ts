import type { Database } from 'better-sqlite3';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { newId } from './ids.ts';
import type { JsonObject } from './layers.ts';

/** A set of sensors that share part of their configuration. */
export interface GroupRecord {
  id: string;
  name: string;
  description: string;
  /** What it lays over the base of its sensors. */
  config: JsonObject;
  /** Of `config`; 0 = it has none yet. */
  revision: number;
  sensors: number;
}

export interface GroupRevision {
  number: number;
  config: JsonObject;
  author: string;
  reason: string;
  atMs: number;
}

interface Row {
  id: string;
  name: string;
  description: string;
  config: string;
  revision: number;
  sensors: number;
}

const KEPT_REVISIONS = 200;
const SELECT = `SELECT *, (SELECT count(*) FROM sensors_sensors WHERE group_id = sensors_groups.id) AS sensors FROM sensors_groups`;

/** The groups, with the history of what they carry. Every method is one statement or one transaction. */
export class Groups {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  all(): GroupRecord[] {
    return this.#db.prepare<[], Row>(`${SELECT} ORDER BY name`).all().map(toRecord);
  }

  find(id: string): GroupRecord | undefined {
    const row = this.#db.prepare<[string], Row>(`${SELECT} WHERE id = ?`).get(id);
    return row && toRecord(row);
  }

  /** @throws BulkheadError FLEET_SENSORS_GROUP_UNKNOWN */
  get(id: string): GroupRecord {
    const found = this.find(id);
    if (found !== undefined) return found;
    throw groupUnknown(id);
  }

  /** @throws BulkheadError FLEET_SENSORS_NAME_TAKEN */
  create(name: string, description: string): GroupRecord {
    const id = newId('g');
    this.#naming(name, () =>
      this.#db
        .prepare(
          `INSERT INTO sensors_groups (id, name, description, config, revision) VALUES (?, ?, ?, '{}', 0)`,
        )
        .run(id, name, description),
    );
    return this.get(id);
  }

  /** @throws BulkheadError FLEET_SENSORS_NAME_TAKEN */
  rename(id: string, name: string, description: string): void {
    this.#naming(name, () =>
      this.#db
        .prepare('UPDATE sensors_groups SET name = ?, description = ? WHERE id = ?')
        .run(name, description, id),
    );
  }

  /** @throws BulkheadError FLEET_SENSORS_GROUP_IN_USE */
  remove(id: string): void {
    const { name, sensors } = this.get(id);
    if (sensors > 0) {
      throw new BulkheadError({
        code: 'FLEET_SENSORS_GROUP_IN_USE',
        message: `The group "${name}" has ${String(sensors)} sensors.`,
        fields: { group: id, sensors },
      });
    }
    this.#db.prepare('DELETE FROM sensors_groups WHERE id = ?').run(id);
  }

  setConfig(id: string, config: JsonObject, author: string, reason: string): number {
    return this.#db.transaction(() => {
      const number = this.get(id).revision + 1;
      const text = JSON.stringify(config);
      this.#db
        .prepare('UPDATE sensors_groups SET config = ?, revision = ? WHERE id = ?')
        .run(text, number, id);
      this.#db
        .prepare(
          'INSERT INTO sensors_group_revisions (group_id, number, config, author, reason, at_ms) VALUES (?, ?, ?, ?, ?, ?)',
        )
        .run(id, number, text, author, reason, this.#now());
      this.#db
        .prepare('DELETE FROM sensors_group_revisions WHERE group_id = ? AND number <= ?')
        .run(id, number - KEPT_REVISIONS);
      return number;
    })();
  }

  /** The newest first, at most 50. */
  revisions(id: string): GroupRevision[] {
    return this.#db
      .prepare<[string], { number: number; config: string; author: string; reason: string; at_ms: number }>(
        'SELECT * FROM sensors_group_revisions WHERE group_id = ? ORDER BY number DESC LIMIT 50',
      )
      .all(id)
      .map(({ number, config, author, reason, at_ms: atMs }) => ({
        number,
        config: JSON.parse(config) as JsonObject,
        author,
        reason,
        atMs,
      }));
  }

  #naming(name: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_CONSTRAINT_UNIQUE') throw error;
      throw new BulkheadError({
        code: 'FLEET_SENSORS_NAME_TAKEN',
        message: `Another group is called "${name}".`,
        fields: { name },
      });
    }
  }
}

export function groupUnknown(id: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_SENSORS_GROUP_UNKNOWN',
    message: `There is no group ${id}.`,
    fields: { group: id },
  });
}

function toRecord(row: Row): GroupRecord {
  return { ...row, config: JSON.parse(row.config) as JsonObject };
}
