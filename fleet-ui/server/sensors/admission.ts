import type { Database } from 'better-sqlite3';
import { BulkheadError, type ErrorCode } from '@bulkhead/platform/kernel';
import type { AuthorityPort, CertificateBook } from './authority-port.ts';
import type { Audit } from './ports.ts';
import type { Registry } from './registry.ts';

export interface AdmissionParts {
  db: Database;
  ca: AuthorityPort;
  certificates: CertificateBook;
  registry: Registry;
  audit: Audit;
  now: () => number;
  changed: (sensor: string) => void;
}

/** Renewals are due every twenty days; a sensor that asks more often than this in one is broken or hostile. */
const RENEWALS_A_DAY = 24;
const DAY_MS = 86_400_000;
/** The same clone knocks every few seconds: it is written down once in this time. */
const CLONE_NOTE_MS = 3_600_000;

const REFUSALS: Readonly<
  Record<'revoked' | 'expired' | 'clone' | 'unknown', { code: ErrorCode; text: string }>
> = {
  revoked: { code: 'FLEET_SENSORS_REVOKED', text: 'was revoked' },
  expired: { code: 'FLEET_SENSORS_EXPIRED', text: 'has expired' },
  clone: { code: 'FLEET_SENSORS_CLONE', text: 'is not the newest of this sensor, and the newest is in use' },
  unknown: {
    code: 'FLEET_SENSORS_CERTIFICATE_FORGOTTEN',
    text: 'is of this fleet, which does not remember it',
  },
};

/** Decides who may attach, and gives new certificates to who is. */
export class SensorAdmission {
  readonly #parts: AdmissionParts;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /**
   * For each new connection, after TLS proved that the other side holds the key of a certificate of ours, and for open ones
   * whenever it is wanted.
   * @throws BulkheadError FLEET_SENSORS_REVOKED, _EXPIRED, _CLONE, _CERTIFICATE_FORGOTTEN
   */
  admit(sensor: string, serial: string, address = ''): void {
    const { certificates, registry } = this.#parts;
    const known = registry.find(sensor);
    const verdict = certificates.judge(sensor, serial.toLowerCase());
    // Its certificates are remembered longer than the sensor.
    const effective =
      known?.state === 'revoked' || (known === undefined && verdict !== 'unknown') ? 'revoked' : verdict;
    if (effective === 'good') return;
    const { code, text } = REFUSALS[effective];
    if (effective === 'clone')
      this.noteClone(sensor, `from ${address || 'somewhere'} with a certificate that ${text}`, address);
    throw new BulkheadError({
      code,
      message: `The certificate that ${known?.name ?? sensor} shows ${text}.`,
      fields: { sensor, serial },
    });
  }

  /**
   * A new certificate for an attached sensor. The presented one stays good until the new one has been in use for a while, so a
   * reply that gets lost costs nothing.
   * @returns DER, the leaf first
   * @throws BulkheadError as {@link admit}; FLEET_CA_REQUEST_INVALID, FLEET_SENSORS_KEY_TAKEN, FLEET_SENSORS_RENEWAL_LIMITED
   */
  async renew(sensor: string, csr: Uint8Array, presentedSerial: string): Promise<Uint8Array[]> {
    const { db, ca, certificates, registry, audit, now } = this.#parts;
    const serial = presentedSerial.toLowerCase();
    this.admit(sensor, serial);
    if (certificates.countSince(sensor, now() - DAY_MS) >= RENEWALS_A_DAY) {
      throw new BulkheadError({
        code: 'FLEET_SENSORS_RENEWAL_LIMITED',
        message: `${registry.get(sensor).name} got ${String(RENEWALS_A_DAY)} certificates within a day.`,
        fields: { sensor },
      });
    }
    const key = await ca.readRequest(csr);
    this.refuseForeignKey(key.digest, sensor);
    const issued = await ca.issue(sensor, key);
    db.transaction(() => {
      // While it was signed, it may have been revoked or renewed by somebody else.
      this.admit(sensor, serial);
      certificates.record(sensor, issued, 'renewed', serial);
    })();
    audit.write({ action: 'sensor.renew', target: sensor, facts: { serial: issued.serial } });
    this.#parts.changed(sensor);
    return [issued.der];
  }

  /** @throws BulkheadError FLEET_SENSORS_KEY_TAKEN */
  refuseForeignKey(digest: string, sensor: string): void {
    const other = this.#parts.certificates.otherHolder(digest, sensor);
    if (other === undefined) return;
    const name = this.#parts.registry.find(other)?.name ?? other;
    throw new BulkheadError({
      code: 'FLEET_SENSORS_KEY_TAKEN',
      message: `The key of this request is the one of "${name}".`,
      fields: { sensor: other },
    });
  }

  /** Somebody else acts as this sensor: kept, shown under attention, and written down. */
  noteClone(sensor: string, text: string, address = ''): void {
    const { registry, audit, now } = this.#parts;
    const known = registry.find(sensor);
    if (known === undefined) return;
    const fresh = known.cloneMs === undefined || now() - known.cloneMs > CLONE_NOTE_MS;
    registry.update(sensor, {
      cloneMs: now(),
      // Who asks for a renewal comes from where it was just refused: nothing is known better than before.
      ...(address === '' && !fresh ? {} : { cloneText: `It was there a second time: ${text}`.slice(0, 500) }),
    });
    if (!fresh) return;
    audit.write({
      action: 'sensor.clone',
      target: sensor,
      outcome: 'refused',
      code: 'FLEET_SENSORS_CLONE',
      ...(address === '' ? {} : { address }),
      facts: { name: known.name },
    });
    this.#parts.changed(sensor);
  }
}
