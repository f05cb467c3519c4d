import { BulkheadError, describeError } from '@bulkhead/platform/kernel';
import { plain } from '../plain.ts';

/** What the other side said when it took a message. */
export interface Accepted {
  answer: string;
}

/** All of one try: nobody waits longer, and the next message may go. */
export const DELIVERY_MS = 15_000;
const TEXT_MOST = 300;

/** @param secrets which must not stand in what is shown, whatever the other side repeats */
export function failedDelivery(error: unknown, secrets: readonly (string | undefined)[]): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_NOTIFY_FAILED',
    message: shown(reasonOf(error), secrets) || 'It could not be handed over.',
    // The error itself may hold the password, and causes are logged.
  });
}

/** What the other side said, as one line, without secrets. */
export function shown(text: string, secrets: readonly (string | undefined)[]): string {
  let clean = text;
  for (const secret of secrets) {
    if (secret === undefined || secret === '') continue;
    for (const form of [secret, Buffer.from(secret).toString('base64'), encodeURIComponent(secret)])
      clean = clean.replaceAll(form, '…');
  }
  return plain(clean, TEXT_MOST);
}

/** Node puts several tries into one error without words. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describeError).join('; ');
  if (error instanceof Error && error.name === 'TimeoutError') return 'It did not answer in time.';
  const { cause } = error as { cause?: unknown };
  const text = describeError(error);
  return cause instanceof Error && !text.includes(cause.message) ? `${text}: ${reasonOf(cause)}` : text;
}
