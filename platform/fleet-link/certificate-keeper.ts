import type { LinkClient } from '../contracts/fleet/index.ts';
import type { Hardware } from '../contracts/index.ts';
import { BulkheadError, describeError, type Logger } from '../kernel/index.ts';
import { lifeOf } from './certificates.ts';
import type { Membership, MembershipStore } from './membership.ts';
import { askToReturn, renew } from './renewal.ts';

export interface CertificateKeeperParts {
  log: Logger;
  store: MembershipStore;
  version: string;
  hardware: () => Promise<Hardware>;
  /** Between two tries to renew, whoever wants it. */
  renewMs: number;
}

/** How the return of a sensor stands; `phase` is absent when it has a good certificate again. */
export interface ReturnOutcome {
  phase?: 'returning' | 'refused';
  error?: unknown;
  /** As it stands on disk now. */
  membership: Membership;
}

/**
 * Keeps the certificate of the sensor good.
 *
 * INVARIANTS: one renewal at a time, and not more often than `renewMs`: a fleet that asks without end gets one. Nothing is
 * written once `signal` is aborted: who left a fleet stays out.
 */
export class CertificateKeeper {
  readonly #parts: CertificateKeeperParts;
  #renewal: Promise<Membership | undefined> | undefined;
  #triedMs = -Infinity;

  constructor(parts: CertificateKeeperParts) {
    this.#parts = parts;
  }

  /** @returns undefined when it was not renewed: not its turn, or it failed and is tried again. Never rejects. */
  async renew(
    client: Pick<LinkClient, 'renew'>,
    present: Membership,
    signal: AbortSignal,
  ): Promise<Membership | undefined> {
    const { log, store, renewMs } = this.#parts;
    if (this.#renewal !== undefined || performance.now() - this.#triedMs < renewMs) return undefined;
    this.#triedMs = performance.now();
    // With the key of a renewal that was not answered, which is on disk.
    this.#renewal = this.#read(present).then((kept) => renew(client, store, kept, signal));
    try {
      const membership = await this.#renewal;
      const until = lifeOf(membership?.chainPem ?? present.chainPem).notAfter.toISOString();
      log.info({ until }, 'the certificate was renewed');
      return membership;
    } catch (error) {
      if (!signal.aborted) {
        log.warn(
          { err: error },
          `the certificate was not renewed, this is tried again: ${describeError(error)}`,
        );
      }
      return undefined;
    } finally {
      this.#renewal = undefined;
    }
  }

  /** Resolves when no renewal is under way. */
  async idle(): Promise<void> {
    await this.#renewal?.catch(() => undefined);
  }

  /** Asks the fleet to take a sensor back whose certificate ran out. Never rejects. */
  async comeBack(present: Membership, signal: AbortSignal): Promise<ReturnOutcome> {
    const { log, store } = this.#parts;
    try {
      const outcome = await askToReturn(store, await this.#read(present), this.#parts, signal);
      if (outcome.state === 'granted') return { membership: outcome.membership };
      const waits = outcome.state === 'waiting';
      const error = new BulkheadError({
        code: waits ? 'FLEET_LINK_WAITS_FOR_OPERATOR' : 'FLEET_LINK_REFUSED',
        message: outcome.message,
        hint: 'See the page of this sensor at the fleet; the sensor asks again by itself.',
      });
      return { phase: waits ? 'returning' : 'refused', error, membership: await this.#read(present) };
    } catch (error) {
      if (!signal.aborted) {
        log.warn({ err: error }, `the fleet did not answer a sensor that returns: ${describeError(error)}`);
      }
      return { phase: 'returning', error, membership: await this.#read(present) };
    }
  }

  async #read(present: Membership): Promise<Membership> {
    return (await this.#parts.store.read().catch(() => undefined)) ?? present;
  }
}
