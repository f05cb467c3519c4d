import { BulkheadError } from '@bulkhead/platform/kernel';
import { refusal } from './refusal.ts';

/** A connection to a page that failed, as it is told to who asked. */
export function asRefusal(error: Error): BulkheadError {
  const code = (error as { code?: string }).code ?? '';
  // Said by the sensor, the link or ourselves: in words already.
  if (error instanceof BulkheadError) return error;
  if (code === 'UND_ERR_CONNECT_TIMEOUT') {
    return refusal('FLEET_PROXY_TIMEOUT', 'The instrument could not be reached in time.', error);
  }
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return refusal('FLEET_PROXY_NOT_RUNNING', 'The page of the instrument is not being served.', error);
  }
  return refusal('FLEET_PROXY_UNREACHABLE', 'The instrument did not answer as a page does.', error);
}
