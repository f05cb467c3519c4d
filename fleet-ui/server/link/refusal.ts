import { Metadata, type ServerDuplexStream, type status } from '@grpc/grpc-js';
import type { BulkheadError, ErrorCode } from '@bulkhead/platform/kernel';

/** Why the fleet ends a call: a code for machines, a sentence for people, and the nearest status of gRPC. */
export interface Refusal {
  code: ErrorCode;
  message: string;
  status: status;
}

/** Trailing metadata of a refused call: the code from the catalogue. */
export const CODE_METADATA = 'bulkhead-code';

/** As gRPC wants the end of a call that failed. */
export function asServiceError({ code, message, status: grpcStatus }: Refusal): Error & {
  code: status;
  details: string;
  metadata: Metadata;
} {
  const metadata = new Metadata();
  metadata.set(CODE_METADATA, code);
  return Object.assign(new Error(message), { code: grpcStatus, details: message, metadata });
}

/** Ends a streaming call with a refusal, after what was written to it before. */
export function endCall(call: ServerDuplexStream<unknown, unknown>, refusal: Refusal): void {
  if (call.cancelled || call.destroyed) return;
  // grpc-js takes the status of a streaming call from its 'error' event.
  call.emit('error', asServiceError(refusal));
}

/** A refusal of the same code and words as an error of ours. */
export function refusalOf(error: BulkheadError, grpcStatus: status): Refusal {
  return { code: error.code, message: error.message, status: grpcStatus };
}
