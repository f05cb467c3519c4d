import type { Database } from 'better-sqlite3';
import type { SensorOutcome } from '@bulkhead/fleet-api';
import { BulkheadError, describeError, type Logger } from '@bulkhead/platform/kernel';
import { documentText, readDocument } from './effective-config.ts';
import type { Groups } from './groups.ts';
import { HandOver } from './hand-over.ts';
import { effectiveOf, layersFor, type Layers } from './layer-change.ts';
import { applyPatch, composePatches, type JsonObject } from './layers.ts';
import { oneLine, type Actor, type ConfigResultOf, type SensorLinks } from './ports.ts';
import type { Registry, SensorRecord } from './registry.ts';
import type { RevisionCause, Revisions } from './revisions.ts';

/** The sensor's word for a number that it has given to something else. */
const CONFIG_OLD = 'FLEET_LINK_CONFIG_OLD';

export interface DesiredParts {
  db: Database;
  registry: Registry;
  groups: Groups;
  revisions: Revisions;
  links: SensorLinks;
  log: Logger;
  /** Something about this sensor is not as it was. */
  changed: (sensor: string) => void;
}

/** Who wants a change, and why. */
export interface Because {
  by: Actor;
  reason: string;
  cause: RevisionCause;
  restores?: number | undefined;
  expectRevision?: number | undefined;
}

interface ChangeOptions {
  evenIfSame?: boolean;
  /** Also where a person has to decide first whether the sensor's configuration or the fleet's counts. */
  evenIfOpen?: boolean;
}

const UNDECIDED = { state: 'waiting', detail: 'undecided' } as const;

/**
 * What the fleet wants each sensor to be: layers make a document, documents are numbered, the newest is handed over when the sensor
 * is there.
 *
 * INVARIANTS: a change is stored (one transaction) before anything is sent. Nobody who changes something waits for a sensor
 * (see {@link HandOver}). To a sensor that waits for its interfaces to be mapped, or is revoked, nothing is sent. Nor to one that
 * has a revision which this fleet did not give it (`ahead`), before a person said what counts or changed that one sensor.
 */
export class DesiredConfigs {
  readonly #parts: DesiredParts;
  readonly #handOver: HandOver;
  readonly #reading = new Set<string>();

  constructor(parts: DesiredParts) {
    this.#parts = parts;
    this.#handOver = new HandOver(parts);
  }

  layersOf(sensor: SensorRecord): Layers {
    const group = sensor.groupId === undefined ? undefined : this.#parts.groups.find(sensor.groupId)?.config;
    return { base: sensor.base, group, overrides: sensor.overrides };
  }

  /** What the layers make, or as much of it as there is where they make no valid one. */
  documentOf(sensor: SensorRecord): JsonObject | undefined {
    const { base, group, overrides } = this.layersOf(sensor);
    if (base === undefined) return undefined;
    return applyPatch(group === undefined ? base : applyPatch(base, group), overrides) as JsonObject;
  }

  /** The sensor's own overrides, all of them. @throws BulkheadError FLEET_SENSORS_CONFIG_INVALID, _CONFLICT, _MISSING */
  setOverrides(id: string, overrides: JsonObject, because: Because): SensorOutcome {
    return this.#change(id, because, () => ({ overrides }));
  }

  /** Some of the sensor's own overrides; the others stay. */
  addOverrides(id: string, overrides: JsonObject, because: Because): SensorOutcome {
    return this.#change(id, because, (sensor) => ({
      overrides: composePatches(sensor.overrides, overrides) as JsonObject,
    }));
  }

  /** Exactly this document; see {@link layersFor}. */
  setDocument(id: string, document: JsonObject, because: Because): SensorOutcome {
    return this.#change(id, because, (sensor) => {
      const { base, overrides } = layersFor(document, this.layersOf(sensor));
      return { base, overrides };
    });
  }

  /** What an earlier revision wanted, as a new one. @throws BulkheadError FLEET_SENSORS_REVISION_UNKNOWN */
  rollBack(id: string, number: number, because: Omit<Because, 'cause' | 'restores'>): SensorOutcome {
    const revision = this.#parts.revisions.find(id, number);
    if (revision === undefined) throw revisionUnknown(id, number);
    const document = readDocument(revision.document);
    return this.setDocument(id, document, { ...because, cause: 'rollback', restores: number });
  }

  /** The same once more under a new number: after a failure, or to overrule what somebody changed at the sensor. */
  resend(id: string, because: Omit<Because, 'cause'>): SensorOutcome {
    return this.#change(id, { ...because, cause: 'resend' }, () => ({}), { evenIfSame: true });
  }

  /**
   * After a sensor's group, or what the group carries, changed. Never throws for what is wrong with one sensor: it keeps what it
   * has, and the reason is shown.
   */
  groupChanged(id: string, because: Omit<Because, 'cause'>, options: ChangeOptions = {}): SensorOutcome {
    const { registry } = this.#parts;
    const sensor = registry.get(id);
    try {
      return this.#change(id, { ...because, cause: 'group' }, () => ({}), options);
    } catch (error) {
      if (!(error instanceof BulkheadError)) throw error;
      const pointer = error.fields['pointer'];
      registry.update(id, {
        problem: {
          code: error.code,
          message: error.message,
          ...(typeof pointer === 'string' ? { pointer } : {}),
        },
      });
      this.#parts.changed(id);
      const missing = error.code === 'FLEET_SENSORS_CONFIG_MISSING';
      return {
        sensor: id,
        name: sensor.name,
        state: missing ? 'waiting' : 'refused',
        code: error.code,
        detail: error.message,
      };
    }
  }

  /** After its interfaces were mapped: whatever the number, the new hardware has none of it. */
  mapped(id: string, overrides: JsonObject, because: Omit<Because, 'cause'>): SensorOutcome {
    return this.#change(
      id,
      { ...because, cause: 'mapping' },
      (sensor) => ({
        overrides: composePatches(sensor.overrides, overrides) as JsonObject,
        state: 'active' as const,
        formerHardware: undefined,
      }),
      { evenIfSame: true },
    );
  }

  /** The sensor is there: what it missed is handed over. */
  attached(id: string, configRevision: number): void {
    const { registry, revisions } = this.#parts;
    const sensor = registry.find(id);
    if (sensor?.state !== 'active') return;
    const newest = revisions.newest(id);
    if (newest === undefined || configRevision > newest.number || this.#isForeign(sensor, configRevision)) {
      // The fleet was restored from a backup: nobody overrules the sensor without a person's word.
      if (configRevision > 0) this.#found(sensor, configRevision);
      if (newest === undefined || configRevision !== newest.number) {
        if (sensor.base === undefined) this.#readBase(id);
        return;
      }
    } else if (sensor.ahead !== undefined) {
      // It went back to something that it has from here, or to nothing.
      registry.update(id, { ahead: undefined });
      this.#parts.changed(id);
    }
    if (newest.state === 'failed') return;
    if (newest.number === configRevision && newest.state === 'applied') {
      this.#parts.changed(id);
      return;
    }
    // Perhaps the answer was lost with the link: then it is told again. Perhaps the number is of another document, from before the
    // fleet was restored from a backup: then the sensor says so, and keeps what it has.
    this.#handOver.begin(id);
  }

  detached(id: string): void {
    // What was asked over that link fails in a moment; when the sensor is there again it is asked anew.
    this.#reading.delete(id);
    this.#parts.revisions.unsent(id);
  }

  result(id: string, { revision, ok, code, message, sensorRevision }: ConfigResultOf): void {
    const known = this.#parts.revisions.result(id, revision, {
      ok,
      code: oneLine(code, 80),
      message: oneLine(message, 4000),
      sensorRevision,
    });
    const { registry } = this.#parts;
    if (!ok && code === CONFIG_OLD) {
      registry.update(id, { ahead: Math.max(registry.find(id)?.ahead ?? 0, revision) });
    }
    // Under that number it has this very document.
    if (ok && registry.find(id)?.ahead === revision) registry.update(id, { ahead: undefined });
    if (known) this.#parts.changed(id);
  }

  /** Takes what is in force on the sensor as its base; its own overrides end. @throws BulkheadError FLEET_SENSORS_OFFLINE */
  async takeOver(id: string, because: Omit<Because, 'cause'>): Promise<SensorOutcome> {
    const { links, registry } = this.#parts;
    const sensor = registry.get(id);
    if (!links.attached(id) || links.readConfig === undefined) {
      throw new BulkheadError({
        code: 'FLEET_SENSORS_OFFLINE',
        message: `"${sensor.name}" is not there, so nobody can say what it has.`,
        fields: { sensor: id },
      });
    }
    const document = readDocument(await links.readConfig(id));
    return this.setDocument(id, document, { ...because, cause: 'base' });
  }

  /** Waits until nothing is being handed over; for an orderly end. */
  async settled(): Promise<void> {
    await this.#handOver.end();
  }

  #change(
    id: string,
    because: Because,
    make: (
      sensor: SensorRecord,
    ) => Partial<Pick<SensorRecord, 'base' | 'overrides' | 'state' | 'formerHardware'>>,
    options: ChangeOptions = {},
  ): SensorOutcome {
    const { db, registry, revisions } = this.#parts;
    const outcome = db.transaction((): SensorOutcome => {
      const sensor = registry.get(id);
      const newest = revisions.newest(id);
      if (because.expectRevision !== undefined && because.expectRevision !== (newest?.number ?? 0)) {
        throw conflict(sensor.name, newest?.number ?? 0);
      }
      const change = make(sensor);
      const next = { ...sensor, ...change };
      const { document } = effectiveOf(this.layersOf(next), sensor);
      registry.update(id, { ...change, problem: undefined });
      const text = documentText(document);
      const had = newest?.document ?? (sensor.base === undefined ? undefined : documentText(sensor.base));
      // A sensor that is ahead needs a number above its own to be at one with the fleet again.
      if (had === text && options.evenIfSame !== true && sensor.ahead === undefined) {
        return {
          sensor: id,
          name: sensor.name,
          state: 'unchanged',
          ...(newest ? { revision: newest.number } : {}),
        };
      }
      const { number } = revisions.add(
        {
          sensor: id,
          document: text,
          author: oneLine(because.by.name, 64) || 'unknown',
          reason: oneLine(because.reason),
          cause: because.cause,
          restores: because.restores,
        },
        sensor.ahead ?? 0,
      );
      // What a group carries says nothing of this one sensor: which configuration counts stays open.
      const isOpen =
        sensor.ahead !== undefined &&
        because.cause === 'group' &&
        options.evenIfSame !== true &&
        options.evenIfOpen !== true;
      if (sensor.ahead !== undefined && !isOpen) {
        revisions.handed(id, sensor.ahead);
        registry.update(id, { ahead: undefined });
      }
      const { state, detail } = isOpen ? UNDECIDED : this.#outlook({ ...next, id });
      return {
        sensor: id,
        name: sensor.name,
        state,
        revision: number,
        ...(detail === undefined ? {} : { detail }),
      };
    })();
    if (outcome.state === 'sent') this.#handOver.begin(id);
    this.#parts.changed(id);
    return outcome;
  }

  #outlook(sensor: SensorRecord): { state: 'sent' | 'waiting'; detail?: string } {
    if (sensor.state === 'mapping') return { state: 'waiting', detail: 'mapping' };
    if (sensor.state === 'revoked') return { state: 'waiting', detail: 'revoked' };
    return this.#parts.links.attached(sensor.id)
      ? { state: 'sent' }
      : { state: 'waiting', detail: 'offline' };
  }

  /** Is what it has in force not from this fleet: still to be decided, or under a number that was never handed over? */
  #isForeign(sensor: SensorRecord, configRevision: number): boolean {
    if (configRevision === 0) return false;
    return (
      configRevision === sensor.ahead ||
      this.#parts.revisions.find(sensor.id, configRevision)?.handed === false
    );
  }

  #found(sensor: SensorRecord, ahead: number): void {
    if (sensor.ahead === ahead) return;
    this.#parts.registry.update(sensor.id, { ahead });
    this.#parts.changed(sensor.id);
  }

  #readBase(id: string): void {
    const { links, registry, log } = this.#parts;
    if (links.readConfig === undefined || this.#reading.has(id)) return;
    this.#reading.add(id);
    links
      .readConfig(id)
      .then((text) => {
        if (registry.find(id)?.base !== undefined) return;
        registry.update(id, { base: readDocument(text) });
        const because = { by: { id: null, name: 'fleet' }, reason: 'the sensor said what it has' };
        // Made from what it has, so nothing of it is given up.
        this.groupChanged(id, because, { evenIfOpen: true });
      })
      .catch((error: unknown) => {
        log.warn(
          { err: error, sensor: id },
          `what the sensor has could not be read: ${describeError(error)}`,
        );
        const code = error instanceof BulkheadError ? error.code : 'FLEET_SENSORS_CONFIG_MISSING';
        registry.update(id, { problem: { code, message: describeError(error) } });
      })
      .finally(() => this.#reading.delete(id));
  }
}

export function revisionUnknown(sensor: string, number: number): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_SENSORS_REVISION_UNKNOWN',
    message: `There is no revision ${String(number)} of ${sensor}.`,
    fields: { sensor, revision: number },
  });
}

function conflict(name: string, newest: number): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_SENSORS_CONFIG_CONFLICT',
    message: `The newest revision of "${name}" is ${String(newest)} now.`,
    fields: { sensor: name, revision: newest },
  });
}
