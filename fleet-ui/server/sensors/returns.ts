import { verify } from 'node:crypto';
import { returnSigningInput, type ReturnReply, type ReturnRequest } from '@bulkhead/platform/contracts';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { AdmissionParts, SensorAdmission } from './admission.ts';
import { Attempts } from './attempts.ts';
import type { HolderOf, RequestedKeyOf } from './authority-port.ts';
import { NONCE_LIFETIME_MS, Nonces } from './nonces.ts';
import { ReturnBook, type ReturnRecord } from './return-book.ts';

export interface ReturnsParts extends AdmissionParts {
  admission: SensorAdmission;
  linkAddress: () => string;
}

/** Requests of one address within a minute; each costs two signatures to check. */
const REQUESTS = 60;

/**
 * Lets sensors come back that were away for longer than their certificate, or that the fleet forgot: who proves to hold the key
 * of a certificate that nobody revoked may wait for a person's word, however long it was away.
 *
 * INVARIANTS: nothing is written before certificate, nonce and signature were found good. A certificate is issued only after a
 * person confirmed, and only to the key that the person's decision was about.
 */
export class Returns {
  readonly #parts: ReturnsParts;
  readonly #nonces: Nonces;
  readonly #requests: Attempts;
  readonly book: ReturnBook;

  constructor(parts: ReturnsParts) {
    this.#parts = parts;
    this.#nonces = new Nonces(parts.now);
    this.#requests = new Attempts(REQUESTS, parts.now);
    this.book = new ReturnBook(parts.db, parts.now);
  }

  nonce(address: string): { nonce: string; expiresInS: number } {
    this.#requests.take(address);
    return { nonce: this.#nonces.make(), expiresInS: NONCE_LIFETIME_MS / 1000 };
  }

  /** @throws BulkheadError FLEET_SENSORS_LIMITED, _NONCE_REFUSED, _PROOF_REFUSED; FLEET_CA_CERTIFICATE_REFUSED, FLEET_CA_REQUEST_INVALID */
  async ask(request: ReturnRequest, address: string): Promise<ReturnReply> {
    const { ca } = this.#parts;
    this.#requests.take(address);
    if (!this.#nonces.isGood(request.nonce)) throw nonceRefused();
    const holder = ca.identify(request.certificate);
    const proof = Buffer.from(request.signature, 'base64');
    const input = returnSigningInput(request.csr, request.nonce);
    if (!proves(holder, input, proof)) {
      throw new BulkheadError({
        code: 'FLEET_SENSORS_PROOF_REFUSED',
        message: 'The request is not signed by the key of the certificate.',
      });
    }
    const key = await ca.readRequest(request.csr);
    if (!this.#nonces.use(request.nonce)) throw nonceRefused();
    return this.#answer(holder, key, request, address);
  }

  /** @throws BulkheadError FLEET_SENSORS_RETURN_UNKNOWN, FLEET_SENSORS_RETURN_CONFLICT */
  decide(sensor: string, decision: 'granted' | 'refused', request?: number): ReturnRecord {
    const waiting = this.book.of(sensor).filter(({ state }) => state === 'waiting');
    const [first] = request === undefined ? waiting : waiting.filter(({ id }) => id === request);
    if (first === undefined) {
      throw new BulkheadError({
        code: 'FLEET_SENSORS_RETURN_UNKNOWN',
        message: `No request of ${sensor} to return waits for a decision.`,
        fields: { sensor },
      });
    }
    if (request === undefined && waiting.length > 1) {
      throw new BulkheadError({
        code: 'FLEET_SENSORS_RETURN_CONFLICT',
        message: `${String(waiting.length)} machines ask to return as ${sensor}.`,
        fields: { sensor, requests: waiting.length },
      });
    }
    this.book.decide(first.id, decision);
    // Who was not meant holds a copy of the key: it waits no longer.
    if (decision === 'granted')
      for (const { id } of waiting) if (id !== first.id) this.book.decide(id, 'refused');
    this.#parts.changed(sensor);
    return { ...first, state: decision };
  }

  async #answer(
    holder: HolderOf,
    key: RequestedKeyOf,
    request: ReturnRequest,
    address: string,
  ): Promise<ReturnReply> {
    const { certificates, registry, admission, audit, now } = this.#parts;
    const { sensor, serial } = holder;
    const verdict = certificates.judge(sensor, serial, { ignoreExpiry: true });
    const known = registry.find(sensor);
    const before = this.book.find(sensor, key.digest);
    if (before?.state === 'granted' && before.chain !== undefined && verdict !== 'revoked') {
      return this.#granted(sensor, before.chain);
    }
    if (verdict === 'revoked' || known?.state === 'revoked') {
      return refused(sensor, 'FLEET_SENSORS_REVOKED', 'This certificate was revoked.');
    }
    if (known === undefined) {
      return refused(
        sensor,
        'FLEET_SENSORS_UNKNOWN',
        'This fleet does not know this sensor: adopt it again.',
      );
    }
    if (verdict === 'clone') {
      admission.noteClone(
        sensor,
        `from ${address}, asking to return with a certificate that is not its newest`,
        address,
      );
      return refused(sensor, 'FLEET_SENSORS_CLONE', 'This sensor has a newer certificate.');
    }
    admission.refuseForeignKey(key.digest, sensor);
    if (before?.state === 'refused') {
      return refused(sensor, 'FLEET_SENSORS_REVOKED', 'Somebody decided that it does not return.');
    }
    if (before?.state === 'granted') return this.#issue(before, serial, key);
    const why = verdict === 'unknown' ? 'forgotten' : holder.notAfterMs < now() ? 'expired' : 'early';
    const { fresh } = this.book.ask({
      sensor,
      serial,
      keyDigest: key.digest,
      address,
      version: request.version,
      hostname: request.hardware?.hostname,
      why,
    });
    if (fresh) {
      audit.write({ action: 'sensor.ask-return', target: sensor, address, facts: { why } });
      this.#parts.changed(sensor);
    }
    return { state: 'waiting', sensor };
  }

  async #issue(record: ReturnRecord, serial: string, key: RequestedKeyOf): Promise<ReturnReply> {
    const { db, ca, certificates } = this.#parts;
    const { sensor } = record;
    const issued = await ca.issue(sensor, key);
    const chain = db.transaction((): string | undefined => {
      const now = this.book.find(sensor, key.digest);
      // Asked twice at the same time: one certificate is enough.
      if (now?.chain !== undefined) return now.chain;
      if (now?.state !== 'granted') return undefined;
      if (certificates.judge(sensor, serial, { ignoreExpiry: true }) === 'revoked') return undefined;
      certificates.record(sensor, issued, 'returned', serial);
      this.book.issued(record.id, issued.pem);
      return issued.pem;
    })();
    if (chain === undefined) return refused(sensor, 'FLEET_SENSORS_REVOKED', 'This certificate was revoked.');
    this.#parts.changed(sensor);
    return this.#granted(sensor, chain);
  }

  #granted(sensor: string, chain: string): ReturnReply {
    return {
      state: 'granted',
      sensor,
      chain: [chain],
      ca: this.#parts.ca.certificate,
      linkAddress: this.#parts.linkAddress(),
    };
  }
}

function proves(holder: HolderOf, input: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify('sha256', input, holder.certificate.publicKey, signature);
  } catch {
    return false;
  }
}

function refused(sensor: string, code: string, message: string): ReturnReply {
  return { state: 'refused', sensor, code, message };
}

function nonceRefused(): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_SENSORS_NONCE_REFUSED',
    message: 'The nonce of this request cannot be used.',
  });
}
