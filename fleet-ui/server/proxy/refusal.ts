import { ERROR_CATALOGUE } from '@bulkhead/platform/contracts';
import { BulkheadError, type ErrorCode } from '@bulkhead/platform/kernel';

/** A refusal or failure on the way to an instrument. The message may be shown to whoever asked. */
export function refusal(
  code: `FLEET_PROXY_${Uppercase<string>}`,
  message: string,
  cause?: unknown,
): BulkheadError {
  return new BulkheadError({
    code: code satisfies ErrorCode,
    message,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What is answered: the catalogue knows the status. */
export function statusOf(error: BulkheadError): number {
  return ERROR_CATALOGUE[error.code]?.status ?? 502;
}
