import type { Database } from 'better-sqlite3';
import type { Hardware } from '@bulkhead/platform/contracts';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { JsonObject } from './layers.ts';

/** `mapping`: new hardware whose interfaces nobody has mapped yet. */
export type SensorState = 'active' | 'mapping' | 'revoked';

/** Why base, group and overrides of a sensor make no configuration now. */
export interface ConfigProblem {
  code: string;
  message: string;
  pointer?: string;
}

/** One sensor as the fleet keeps it. Times in milliseconds since 1970. */
export interface SensorRecord {
  id: string;
  name: string;
  state: SensorState;
  groupId: string | undefined;
  tags: string[];
  notes: string;
  hardware: Hardware;
  formerHardware: Hardware | undefined;
  version: string;
  adoptedMs: number;
  seenMs: number | undefined;
  address: string | undefined;
  base: JsonObject | undefined;
  overrides: JsonObject;
  problem: ConfigProblem | undefined;
  /** Highest revision that the sensor has and the fleet does not know. */
  ahead: number | undefined;
  cloneMs: number | undefined;
  cloneText: string | undefined;
}

interface Row {
  id: string;
  name: string;
  state: SensorState;
  group_id: string | null;
  tags: string;
  notes: string;
  hardware: string;
  former_hardware: string | null;
  version: string;
  adopted_ms: number;
  seen_ms: number | null;
  address: string | null;
  base: string | null;
  overrides: string;
  problem: string | null;
  ahead: number | null;
  clone_ms: number | null;
  clone_text: string | null;
}

const COLUMNS: Readonly<Record<keyof Omit<SensorRecord, 'id'>, string>> = {
  name: 'name',
  state: 'state',
  groupId: 'group_id',
  tags: 'tags',
  notes: 'notes',
  hardware: 'hardware',
  formerHardware: 'former_hardware',
  version: 'version',
  adoptedMs: 'adopted_ms',
  seenMs: 'seen_ms',
  address: 'address',
  base: 'base',
  overrides: 'overrides',
  problem: 'problem',
  ahead: 'ahead',
  cloneMs: 'clone_ms',
  cloneText: 'clone_text',
};

/** The sensors of the fleet. Every method is one statement. */
export class Registry {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  find(id: string): SensorRecord | undefined {
    const row = this.#db.prepare<[string], Row>('SELECT * FROM sensors_sensors WHERE id = ?').get(id);
    return row && toRecord(row);
  }

  /** @throws BulkheadError FLEET_SENSORS_UNKNOWN */
  get(id: string): SensorRecord {
    const found = this.find(id);
    if (found !== undefined) return found;
    throw new BulkheadError({
      code: 'FLEET_SENSORS_UNKNOWN',
      message: `There is no sensor ${id} in this fleet.`,
      fields: { sensor: id },
    });
  }

  byName(name: string): SensorRecord | undefined {
    const row = this.#db.prepare<[string], Row>('SELECT * FROM sensors_sensors WHERE name = ?').get(name);
    return row && toRecord(row);
  }

  /** In the order of their names. */
  all(): SensorRecord[] {
    return this.#db.prepare<[], Row>('SELECT * FROM sensors_sensors ORDER BY name').all().map(toRecord);
  }

  inGroup(group: string): SensorRecord[] {
    return this.#db
      .prepare<[string], Row>('SELECT * FROM sensors_sensors WHERE group_id = ? ORDER BY name')
      .all(group)
      .map(toRecord);
  }

  /** A name like `wanted` that no sensor has. */
  freeName(wanted: string): string {
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? wanted : `${wanted.slice(0, 24).replace(/-+$/, '')}-${String(number)}`;
      if (this.byName(name) === undefined) return name;
    }
  }

  /** @throws BulkheadError FLEET_SENSORS_NAME_TAKEN */
  insert(
    sensor: Pick<SensorRecord, 'id' | 'name' | 'hardware' | 'version' | 'adoptedMs' | 'groupId' | 'base'>,
  ): void {
    this.#naming(sensor.name, () =>
      this.#db
        .prepare(
          `INSERT INTO sensors_sensors (id, name, state, group_id, tags, notes, hardware, version, adopted_ms, base, overrides)
           VALUES (?, ?, 'active', ?, '[]', '', ?, ?, ?, ?, '{}')`,
        )
        .run(
          sensor.id,
          sensor.name,
          sensor.groupId ?? null,
          JSON.stringify(sensor.hardware),
          sensor.version,
          sensor.adoptedMs,
          sensor.base === undefined ? null : JSON.stringify(sensor.base),
        ),
    );
  }

  /** A field that is there with `undefined` is emptied. @throws BulkheadError FLEET_SENSORS_NAME_TAKEN */
  update(id: string, change: { [K in keyof Omit<SensorRecord, 'id'>]?: SensorRecord[K] | undefined }): void {
    const fields = Object.entries(change) as [keyof typeof COLUMNS, unknown][];
    if (fields.length === 0) return;
    const assignments = fields.map(([field]) => `${COLUMNS[field]} = ?`).join(', ');
    const values = fields.map(([, value]) =>
      value === undefined ? null : typeof value === 'object' ? JSON.stringify(value) : value,
    );
    this.#naming(change.name ?? '', () =>
      this.#db.prepare(`UPDATE sensors_sensors SET ${assignments} WHERE id = ?`).run(...values, id),
    );
  }

  /** When each was last heard of; one write for all of them. */
  noteSeen(seen: ReadonlyMap<string, number>): void {
    const note = this.#db.prepare('UPDATE sensors_sensors SET seen_ms = ? WHERE id = ?');
    this.#db.transaction(() => {
      for (const [id, seenMs] of seen) note.run(seenMs, id);
    })();
  }

  remove(id: string): void {
    this.#db.prepare('DELETE FROM sensors_sensors WHERE id = ?').run(id);
  }

  #naming(name: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_CONSTRAINT_UNIQUE') throw error;
      throw new BulkheadError({
        code: 'FLEET_SENSORS_NAME_TAKEN',
        message: `Another sensor is called "${name}".`,
        fields: { name },
      });
    }
  }
}

function toRecord(row: Row): SensorRecord {
  return {
    id: row.id,
    name: row.name,
    state: row.state,
    groupId: row.group_id ?? undefined,
    tags: JSON.parse(row.tags) as string[],
    notes: row.notes,
    hardware: JSON.parse(row.hardware) as Hardware,
    formerHardware: row.former_hardware === null ? undefined : (JSON.parse(row.former_hardware) as Hardware),
    version: row.version,
    adoptedMs: row.adopted_ms,
    seenMs: row.seen_ms ?? undefined,
    address: row.address ?? undefined,
    base: row.base === null ? undefined : (JSON.parse(row.base) as JsonObject),
    overrides: JSON.parse(row.overrides) as JsonObject,
    problem: row.problem === null ? undefined : (JSON.parse(row.problem) as ConfigProblem),
    ahead: row.ahead ?? undefined,
    cloneMs: row.clone_ms ?? undefined,
    cloneText: row.clone_text ?? undefined,
  };
}
