import { status } from '@grpc/grpc-js';
import type { PeerCertificate } from 'node:tls';
import type { Door, Visitor } from './door.ts';
import { peerIdentity } from './identity.ts';
import type { LinkLimits } from './limits.ts';
import type { Refusal } from './refusal.ts';

/** Of a call, whatever its kind. */
interface AnyCall {
  getPeer: () => string;
  getAuthContext: () => { sslPeerCertificate?: PeerCertificate };
}

/**
 * Whose call it is: the sensor of the certificate with which its connection was made. What a message says counts for nothing.
 */
export function callerOf(call: AnyCall, door: Pick<Door, 'visitor'>): Visitor | Refusal {
  const visitor = door.visitor(call.getPeer());
  const identity = peerIdentity(call.getAuthContext().sslPeerCertificate);
  if (identity === undefined || visitor?.identity.serial !== identity.serial) {
    return {
      code: 'FLEET_LINKS_CERTIFICATE_INVALID',
      message: 'The connection carries no certificate of a sensor of this fleet.',
      status: status.UNAUTHENTICATED,
    };
  }
  if (identity.validToMs < Date.now()) {
    return {
      code: 'FLEET_LINKS_CERTIFICATE_EXPIRED',
      message: 'The certificate of the sensor ran out.',
      status: status.UNAUTHENTICATED,
    };
  }
  return visitor;
}

export function isRefusal(one: Visitor | Refusal): one is Refusal {
  return 'status' in one;
}

/** A call begins on a connection. @returns why it may not; then {@link endOfCall} must not be called */
export function beginOfCall(
  visitor: Visitor,
  limits: Pick<LinkLimits, 'callsPerSecond'>,
): Refusal | undefined {
  const now = performance.now();
  if (now - visitor.secondMs > 1_000) {
    visitor.secondMs = now;
    visitor.begun = 0;
  }
  visitor.begun += 1;
  if (visitor.begun > limits.callsPerSecond) {
    return {
      code: 'FLEET_LINKS_TOO_OFTEN',
      message: 'The sensor begins more calls than are answered.',
      status: status.RESOURCE_EXHAUSTED,
    };
  }
  visitor.calls += 1;
  return undefined;
}

export function endOfCall(visitor: Visitor): void {
  visitor.calls -= 1;
  visitor.idleSinceMs = performance.now();
}
