import type { LinkClient, RenewReply } from '../contracts/fleet/index.ts';
import { BulkheadError, type Logger } from '../kernel/index.ts';
import type { Hardware } from '../contracts/index.ts';
import { chainPem, checkIssued, derOf, leafOf, makeKeyAndRequest, signReturn } from './certificates.ts';
import { parseEndpoint } from './endpoint.ts';
import { Enrolment, printable } from './enrolment.ts';
import type { Membership, MembershipStore } from './membership.ts';

const RENEW_MS = 20_000;

/**
 * A new key and a certificate for it, over the link, while the present one is valid. The key is kept before the fleet hears of it:
 * when the answer is lost, the same one is asked for again.
 * @returns the membership with the new key, already on disk
 * @throws what the fleet answers; BulkheadError FLEET_LINK_CERTIFICATE_WRONG
 */
export async function renew(
  client: Pick<LinkClient, 'renew'>,
  store: Pick<MembershipStore, 'write'>,
  present: Membership,
  signal: AbortSignal,
): Promise<Membership> {
  const membership = await withRequest(store, present);
  const made = membership.renewal ?? notMade();
  const { Metadata } = await import('@grpc/grpc-js');
  const { chain } = await new Promise<RenewReply>((resolve, reject) => {
    signal.throwIfAborted();
    const deadline = Date.now() + RENEW_MS;
    const cancel = (): void => {
      call.cancel();
    };
    const done = (error: Error | null, reply: RenewReply): void => {
      signal.removeEventListener('abort', cancel);
      if (error === null) resolve(reply);
      else reject(error);
    };
    // With metadata between, because the call takes options in the third place only.
    const call = client.renew({ csr: derOf(made.csrPem) }, new Metadata(), { deadline }, done);
    signal.addEventListener('abort', cancel);
  });
  signal.throwIfAborted();
  return renewed(store, membership, chainPem(chain));
}

/** How a return stands. */
export type Return =
  { state: 'waiting' | 'refused'; message: string } | { state: 'granted'; membership: Membership };

/**
 * Asks to be let in again with a certificate that ran out. The fleet has a person confirm it; until then the answer is `waiting`,
 * and the same request is repeated.
 */
export async function askToReturn(
  store: Pick<MembershipStore, 'write'>,
  present: Membership,
  about: { version: string; hardware: () => Promise<Hardware>; log: Logger },
  signal: AbortSignal,
): Promise<Return> {
  const membership = await withRequest(store, present);
  const { csrPem } = membership.renewal ?? notMade();
  const { fleet, proxy, caPem, plain, keyPem } = membership;
  const enrolment = new Enrolment({ fleet, proxy, ca: caPem, plain });
  const nonce = await enrolment.nonce();
  const reply = await enrolment.comeBack({
    certificate: leafOf(membership.chainPem).toString(),
    csr: csrPem,
    nonce,
    signature: signReturn(keyPem, csrPem, nonce),
    hardware: await about.hardware(),
    version: about.version,
  });
  signal.throwIfAborted();
  if (reply.state !== 'granted') {
    const said = reply.message === undefined ? '' : `: ${printable(reply.message)}`;
    return {
      state: reply.state,
      message: `${reply.state === 'waiting' ? 'An operator has to confirm the return at the fleet' : 'The fleet refused the return'}${said}`,
    };
  }
  const link = reply.linkAddress === undefined ? undefined : parseEndpoint(reply.linkAddress);
  const moved = link === undefined ? membership : { ...membership, link };
  about.log.info('the fleet let the sensor in again');
  return { state: 'granted', membership: await renewed(store, moved, (reply.chain ?? []).join('\n')) };
}

async function withRequest(
  store: Pick<MembershipStore, 'write'>,
  membership: Membership,
): Promise<Membership> {
  if (membership.renewal !== undefined) return membership;
  const next = { ...membership, renewal: await makeKeyAndRequest(membership.sensor) };
  await store.write(next);
  return next;
}

async function renewed(
  store: Pick<MembershipStore, 'write'>,
  membership: Membership,
  chain: string,
): Promise<Membership> {
  const { renewal, ...rest } = membership;
  const { keyPem } = renewal ?? notMade();
  checkIssued(chain, { keyPem, caPem: membership.caPem, sensor: membership.sensor });
  const next: Membership = { ...rest, keyPem, chainPem: chain };
  await store.write(next);
  return next;
}

function notMade(): never {
  throw new BulkheadError({
    code: 'FLEET_LINK_CERTIFICATE_WRONG',
    message: 'There is no key for which a certificate was asked.',
    hint: 'This should not happen; the sensor makes a new one when it tries again.',
  });
}
