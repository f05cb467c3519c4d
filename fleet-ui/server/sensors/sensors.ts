import type { Database } from 'better-sqlite3';
import type { AttentionItem, MappingRequest, SensorOutcome } from '@bulkhead/fleet-api';
import { BulkheadError, type Logger } from '@bulkhead/platform/kernel';
import { SensorAdmission } from './admission.ts';
import { attentionOf } from './attention.ts';
import type { AuthorityPort, CertificateBook } from './authority-port.ts';
import { Codes } from './codes.ts';
import { DesiredConfigs } from './desired.ts';
import { Enrolment } from './enrolment.ts';
import { Groups } from './groups.ts';
import { overridesOf } from './mapping.ts';
import type { Actor, AttachedSensor, Audit, ConfigResultOf, SensorLinks } from './ports.ts';
import { Registry } from './registry.ts';
import { Returns } from './returns.ts';
import { Revisions } from './revisions.ts';

export interface SensorsOptions {
  db: Database;
  ca: AuthorityPort;
  certificates: CertificateBook;
  links: SensorLinks;
  audit: Audit;
  log: Logger;
  /** Host and port of the web listener as people hand them on: they stand in join tokens. */
  webAddress: () => { host: string; port: number };
  /** Host and port of the link, as sensors reach it. */
  linkAddress: () => string;
  now?: () => number;
}

/** How often at most it is written down that an attached sensor is still there. */
const SEEN_EVERY_MS = 60_000;
/** When a thousand sensors come back at once, this is one write and not a thousand. */
const FLUSH_EVERY_MS = 2_000;

/**
 * The sensors of the fleet: who they are, what they should be, how they come and go.
 *
 * INVARIANTS: everything that decides is in the database before anybody is told. `revoked` listeners are called after the
 * certificates are; whoever attaches after that is refused.
 */
export class Sensors {
  readonly options: SensorsOptions;
  readonly now: () => number;
  readonly registry: Registry;
  readonly groups: Groups;
  readonly codes: Codes;
  readonly revisions: Revisions;
  readonly desired: DesiredConfigs;
  readonly admission: SensorAdmission;
  readonly enrolment: Enrolment;
  readonly returns: Returns;
  readonly #revoked = new Set<(sensor: string) => void>();
  readonly #changed = new Set<(sensor: string) => void>();
  /** When each attached sensor was last written down, or is about to be. */
  readonly #seenMs = new Map<string, number>();
  readonly #toWrite = new Map<string, number>();
  #flushing: NodeJS.Timeout | undefined;

  constructor(options: SensorsOptions) {
    this.options = options;
    this.now = options.now ?? Date.now;
    const { db, log, links } = options;
    this.registry = new Registry(db);
    this.groups = new Groups(db, this.now);
    this.codes = new Codes(db, this.now);
    this.revisions = new Revisions(db, this.now);
    const changed = (sensor: string): void => {
      this.#tell(this.#changed, sensor);
    };
    const { registry, groups, revisions, codes } = this;
    this.desired = new DesiredConfigs({ db, registry, groups, revisions, links, log, changed });
    const parts = { ...options, registry, now: this.now, changed };
    this.admission = new SensorAdmission(parts);
    this.returns = new Returns({ ...parts, admission: this.admission });
    this.enrolment = new Enrolment({
      ...parts,
      codes,
      groups,
      desired: this.desired,
      admission: this.admission,
      returns: this.returns,
      revoked: (sensor) => {
        this.#tell(this.#revoked, sensor);
      },
    });
  }

  /** Its links must end now, and none may begin with a certificate from before. */
  onRevoked(listener: (sensor: string) => void): void {
    this.#revoked.add(listener);
  }

  /** Something about a sensor is not as it was; for pages that show it. */
  onChanged(listener: (sensor: string) => void): void {
    this.#changed.add(listener);
  }

  /** For roles that are narrowed to groups. */
  groupsOf(sensor: string): readonly string[] {
    const group = this.registry.find(sensor)?.groupId;
    return group === undefined ? [] : [group];
  }

  /** A sensor attached, after {@link SensorAdmission.admit}. */
  attached({ sensor, serial, version, address, configRevision, hardware }: AttachedSensor): void {
    const known = this.registry.find(sensor);
    if (known === undefined) return;
    this.options.certificates.seen(serial.toLowerCase());
    this.#noteSeen(sensor);
    const fresh = {
      ...(address === known.address ? {} : { address }),
      ...(version === known.version ? {} : { version: version.slice(0, 64) }),
      ...(hardware === undefined ||
      hardware.nics.length === 0 ||
      JSON.stringify(hardware) === JSON.stringify(known.hardware)
        ? {}
        : { hardware }),
    };
    this.registry.update(sensor, fresh);
    this.desired.attached(sensor, configRevision);
    this.#tell(this.#changed, sensor);
  }

  /** Something was heard of an attached sensor. Cheap. */
  heard(sensor: string): void {
    if (this.now() - (this.#seenMs.get(sensor) ?? 0) < SEEN_EVERY_MS) return;
    this.#noteSeen(sensor);
  }

  detached(sensor: string): void {
    this.#noteSeen(sensor);
    this.#seenMs.delete(sensor);
    this.desired.detached(sensor);
    this.#tell(this.#changed, sensor);
  }

  configResult(sensor: string, result: ConfigResultOf): void {
    this.desired.result(sensor, result);
  }

  /** At once and for ever: it may only come back by being adopted again. */
  revoke(sensor: string, reason: string): void {
    const { db, certificates } = this.options;
    this.registry.get(sensor);
    db.transaction(() => {
      certificates.revokeAll(sensor, reason);
      this.returns.book.clear(sensor);
      this.registry.update(sensor, { state: 'revoked' });
    })();
    this.#tell(this.#revoked, sensor);
    this.#tell(this.#changed, sensor);
  }

  /** Revokes it and forgets what it was; its certificates are remembered as revoked. */
  remove(sensor: string): void {
    this.revoke(sensor, 'the sensor was removed');
    this.registry.remove(sensor);
    this.#tell(this.#changed, sensor);
  }

  /** Into a group, out of it (null), or into another. */
  moveTo(sensor: string, group: string | null, by: Actor, reason: string): SensorOutcome {
    const known = this.registry.get(sensor);
    const to = group === null ? undefined : this.groups.get(group);
    if (known.groupId === to?.id) return { sensor, name: known.name, state: 'unchanged' };
    this.registry.update(sensor, { groupId: to?.id });
    this.#tell(this.#changed, sensor);
    return this.desired.groupChanged(sensor, { by, reason: reason || `group: ${to?.name ?? 'none'}` });
  }

  /** @throws BulkheadError FLEET_SENSORS_MAPPING_NEEDLESS, FLEET_SENSORS_MAPPING_INVALID */
  map(sensor: string, request: MappingRequest, by: Actor): SensorOutcome {
    const known = this.registry.get(sensor);
    if (known.state !== 'mapping') {
      throw new BulkheadError({
        code: 'FLEET_SENSORS_MAPPING_NEEDLESS',
        message: `The interfaces of "${known.name}" do not wait to be mapped.`,
        fields: { sensor },
      });
    }
    const overrides = overridesOf(known, this.desired.documentOf(known), request);
    return this.desired.mapped(sensor, overrides, {
      by,
      reason: request.reason || 'new hardware was mapped',
    });
  }

  /** A person looked at it: the warning goes. */
  acknowledgeClone(sensor: string): void {
    this.registry.get(sensor);
    this.registry.update(sensor, { cloneMs: undefined, cloneText: undefined });
    this.#tell(this.#changed, sensor);
  }

  /** Last seen of a sensor, also what is not written down yet. */
  seenMs(sensor: { id: string; seenMs: number | undefined }): number | undefined {
    return this.#toWrite.get(sensor.id) ?? sensor.seenMs;
  }

  /** Writes down what is not yet, and waits for what is being handed over. Before the store is closed. */
  async settle(): Promise<void> {
    await this.desired.settled();
    this.#flush();
  }

  /** A person made sure that whoever was revoked after the backup is revoked again: the warning goes. */
  acknowledgeRestore(): void {
    this.options.db.prepare('UPDATE sensors_restores SET acknowledged = 1').run();
  }

  attention(): AttentionItem[] {
    return attentionOf({
      restoredMs: this.#restoredMs(),
      sensors: this.registry.all(),
      certificates: this.options.certificates.newestOfAll(),
      revisions: this.revisions.newestOfAll(),
      waiting: this.returns.book.waiting(),
      now: this.now(),
    });
  }

  /** When a backup was put back, until somebody has looked at it. */
  #restoredMs(): number | undefined {
    return (
      this.options.db
        .prepare<[], number | null>('SELECT max(at_ms) FROM sensors_restores WHERE acknowledged = 0')
        .pluck()
        .get() ?? undefined
    );
  }

  #noteSeen(sensor: string): void {
    this.#seenMs.set(sensor, this.now());
    this.#toWrite.set(sensor, this.now());
    this.#flushing ??= setTimeout(() => {
      this.#flush();
    }, FLUSH_EVERY_MS).unref();
  }

  #flush(): void {
    clearTimeout(this.#flushing);
    this.#flushing = undefined;
    if (this.#toWrite.size === 0 || !this.options.db.open) return;
    this.registry.noteSeen(this.#toWrite);
    this.#toWrite.clear();
  }

  #tell(listeners: ReadonlySet<(sensor: string) => void>, sensor: string): void {
    for (const listener of listeners) {
      try {
        listener(sensor);
      } catch (error) {
        this.options.log.error({ err: error, sensor }, 'a listener of the sensors failed');
      }
    }
  }
}
