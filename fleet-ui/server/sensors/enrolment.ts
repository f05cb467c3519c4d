import type { AdoptReply, AdoptRequest, Hardware } from '@bulkhead/platform/contracts';
import { BulkheadError, describeError } from '@bulkhead/platform/kernel';
import type { AdmissionParts, SensorAdmission } from './admission.ts';
import { Attempts } from './attempts.ts';
import type { IssuedOf } from './authority-port.ts';
import type { CodeRecord, Codes } from './codes.ts';
import type { DesiredConfigs } from './desired.ts';
import { readDocument } from './effective-config.ts';
import type { Groups } from './groups.ts';
import { newId } from './ids.ts';
import type { JsonObject } from './layers.ts';
import { interfacesOf } from './mapping.ts';
import type { ConfigProblem } from './registry.ts';
import type { ReturnBook } from './return-book.ts';

export interface EnrolmentParts extends AdmissionParts {
  codes: Codes;
  groups: Groups;
  desired: DesiredConfigs;
  admission: SensorAdmission;
  returns: { book: Pick<ReturnBook, 'clear'> };
  /** Host and port of the link, as sensors reach it. */
  linkAddress: () => string;
  /** Its links end now. */
  revoked: (sensor: string) => void;
}

/** What the machine is told, and with whose code it came. */
export interface Adopted {
  reply: AdoptReply;
  code: CodeRecord;
}

/** Wrong codes from one address within a minute. A code has 60 bits: this spares the machine, not the code. */
const WRONG_CODES = 10;

/**
 * Adopts machines.
 *
 * INVARIANTS: a code is claimed, the sensor is written and its certificate recorded in one transaction: of two who use one code
 * at the same time one is adopted, and of a refused one nothing stays.
 */
export class Enrolment {
  readonly #parts: EnrolmentParts;
  readonly #wrong: Attempts;

  constructor(parts: EnrolmentParts) {
    this.#parts = parts;
    this.#wrong = new Attempts(WRONG_CODES, parts.now);
  }

  /**
   * @throws BulkheadError FLEET_SENSORS_CODE_REFUSED, FLEET_SENSORS_LIMITED, FLEET_SENSORS_KEY_TAKEN, FLEET_CA_REQUEST_INVALID
   */
  async adopt(request: AdoptRequest, address: string): Promise<Adopted> {
    const { ca, codes, admission } = this.#parts;
    this.#wrong.check(address);
    try {
      const code = codes.find(request.code);
      if (code === undefined) return await this.#finish(request);
      const sensor = code.replaces ?? newId('s');
      const key = await ca.readRequest(request.csr);
      admission.refuseForeignKey(key.digest, sensor);
      const issued = await ca.issue(sensor, key);
      return this.#enter(sensor, code, request, issued);
    } catch (error) {
      this.#wrong.note(address);
      throw error;
    }
  }

  /**
   * The answer got lost: who has the same key (and proves it) may ask with the same code again, until the certificate is used.
   * For anybody else a used code is worth nothing.
   */
  async #finish(request: AdoptRequest): Promise<Adopted> {
    const { ca, db, codes, certificates, registry, linkAddress } = this.#parts;
    const code = codes.used(request.code);
    if (code === undefined) throw codeRefused();
    const sensor = code.usedBy;
    const key = await ca.readRequest(request.csr);
    const issued = await ca.issue(sensor, key);
    const name = db.transaction(() => {
      const newest = certificates.newest(sensor);
      const same =
        newest !== undefined && newest.keyDigest === key.digest && newest.firstSeenMs === undefined;
      const known = registry.find(sensor);
      if (!same || known === undefined || known.state === 'revoked') throw codeRefused();
      certificates.record(sensor, issued, newest.why, newest.serial);
      return known.name;
    })();
    return {
      reply: { sensor, name, chain: [issued.pem], ca: ca.certificate, linkAddress: linkAddress() },
      code,
    };
  }

  #enter(sensor: string, code: CodeRecord, request: AdoptRequest, issued: IssuedOf): Adopted {
    const { db, ca, codes, certificates, registry, linkAddress } = this.#parts;
    const replaces = code.replaces !== undefined;
    const name = db.transaction(() => {
      if (!codes.claim(code.id, sensor)) throw codeRefused();
      const entered = replaces ? this.#replace(sensor, request) : this.#insert(sensor, code, request);
      certificates.record(sensor, issued, replaces ? 'replaced' : 'adopted');
      return entered;
    })();
    if (replaces) this.#parts.revoked(sensor);
    const { groupId, state, base } = registry.get(sensor);
    const by = { id: null, name: code.createdBy };
    if (!replaces && groupId !== undefined) {
      this.#parts.desired.groupChanged(sensor, { by, reason: 'adopted into the group' });
    }
    // Nothing to map: the new hardware gets what the former one had as soon as it is there.
    if (replaces && state === 'active' && base !== undefined) {
      this.#parts.desired.groupChanged(sensor, { by, reason: 'new hardware' }, { evenIfSame: true });
    }
    this.#parts.changed(sensor);
    return {
      reply: { sensor, name, chain: [issued.pem], ca: ca.certificate, linkAddress: linkAddress() },
      code,
    };
  }

  #insert(sensor: string, code: CodeRecord, request: AdoptRequest): string {
    const { registry, groups, now } = this.#parts;
    const name = registry.freeName(code.name ?? request.name ?? 'sensor');
    const { base, problem } = baseOf(request.config);
    const group = code.groupId === undefined ? undefined : groups.find(code.groupId);
    registry.insert({
      id: sensor,
      name,
      hardware: request.hardware,
      version: request.version,
      adoptedMs: now(),
      groupId: group?.id,
      base,
    });
    if (problem !== undefined) registry.update(sensor, { problem });
    return name;
  }

  /** New hardware takes the place: identity, name, group, configuration and grants stay; former certificates end. */
  #replace(sensor: string, request: AdoptRequest): string {
    const { registry, certificates, returns, desired, now } = this.#parts;
    const former = registry.find(sensor);
    if (former === undefined) throw codeRefused();
    certificates.revokeAll(sensor, 'the hardware was replaced');
    // A certificate that this fleet does not remember cannot be revoked: then the word for its return must not stand.
    returns.book.clear(sensor);
    const mapped: Hardware = former.formerHardware ?? former.hardware;
    const needed = interfacesOf(desired.documentOf(former)).length > 0;
    registry.update(sensor, {
      state: needed ? 'mapping' : 'active',
      hardware: request.hardware,
      formerHardware: needed ? mapped : undefined,
      version: request.version,
      adoptedMs: now(),
      seenMs: undefined,
      address: undefined,
      cloneMs: undefined,
      cloneText: undefined,
    });
    return former.name;
  }
}

function baseOf(text: string | undefined): { base: JsonObject | undefined; problem?: ConfigProblem } {
  if (text === undefined) return { base: undefined };
  try {
    return { base: readDocument(text) };
  } catch (error) {
    const code = error instanceof BulkheadError ? error.code : 'FLEET_SENSORS_CONFIG_INVALID';
    return { base: undefined, problem: { code, message: describeError(error).slice(0, 2000) } };
  }
}

function codeRefused(): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_SENSORS_CODE_REFUSED',
    message: 'This adoption code cannot be used.',
  });
}
