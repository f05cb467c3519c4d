import { status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import type { RenewReply, RenewRequest } from '@bulkhead/platform/contracts/fleet';
import { BulkheadError, type Logger } from '@bulkhead/platform/kernel';
import { beginOfCall, callerOf, endOfCall, isRefusal } from './calls.ts';
import type { Door } from './door.ts';
import type { LinkLimits } from './limits.ts';
import { asServiceError, refusalOf, type Refusal } from './refusal.ts';
import type { Authorise, Renew } from './authorise.ts';

const CSR_BYTES = 8 << 10;

/** The Renew call: a new certificate for whoever holds a valid one. Never rejects. */
export async function handleRenew(
  call: ServerUnaryCall<RenewRequest, RenewReply>,
  answer: sendUnaryData<RenewReply>,
  parts: { door: Pick<Door, 'visitor'>; authorise: Authorise; renew: Renew; limits: LinkLimits; log: Logger },
): Promise<void> {
  const refuse = (refusal: Refusal) => {
    parts.log.warn({ peer: call.getPeer(), code: refusal.code }, `not renewed: ${refusal.message}`);
    answer(asServiceError(refusal));
  };
  const caller = callerOf(call, parts.door);
  if (isRefusal(caller)) {
    refuse(caller);
    return;
  }
  const busy = beginOfCall(caller, parts.limits);
  if (busy !== undefined) {
    refuse(busy);
    return;
  }
  try {
    const { sensor, serial } = caller.identity;
    const verdict = await parts.authorise({ sensor, serial, address: caller.address });
    if (verdict !== 'ok') {
      refuse({ ...verdict, status: status.PERMISSION_DENIED });
      return;
    }
    const { csr } = call.request;
    if (csr.length === 0 || csr.length > CSR_BYTES) {
      refuse(BAD_REQUEST);
      return;
    }
    answer(null, { chain: await parts.renew({ sensor, serial, csr }) });
  } catch (error) {
    parts.log.error({ err: error, sensor: caller.identity.sensor }, 'a certificate could not be renewed');
    refuse(error instanceof BulkheadError ? refusalOf(error, status.FAILED_PRECONDITION) : FAILED);
  } finally {
    endOfCall(caller);
  }
}

const BAD_REQUEST: Refusal = {
  code: 'FLEET_LINKS_RENEWAL_INVALID',
  message: 'That is no certificate request.',
  status: status.INVALID_ARGUMENT,
};
const FAILED: Refusal = {
  code: 'FLEET_LINKS_FAILED',
  message: 'The fleet could not renew the certificate; its log says why.',
  status: status.UNAVAILABLE,
};
