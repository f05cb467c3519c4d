import { createHmac } from 'node:crypto';
import { Agent, request } from 'undici';
import { addressRefused, guardedLookup, isLinkLocal } from './address.ts';
import { DELIVERY_MS, failedDelivery, shown, type Accepted } from './outcome.ts';

/** Where a webhook leads; all of it secret but `ca`. */
export interface WebhookTarget {
  url: string;
  secret: string | undefined;
  ca: string | undefined;
}

const REPLY_BYTES_MOST = 4_096;
const CONNECT_MS = 10_000;
const KEY_LENGTH_LEAST = 6;

/** `sha256=` and HMAC-SHA256 of `<timestamp>.<body>` in hex: the time is signed too, so that an old message cannot be sent again. */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

/**
 * POSTs JSON once. Redirects are not followed: they could lead where nobody with the right to settings has pointed.
 * @param nowMs for the timestamp that is signed
 * @throws BulkheadError FLEET_NOTIFY_FAILED, FLEET_NOTIFY_ADDRESS_REFUSED
 */
export async function postWebhook(
  target: WebhookTarget,
  id: string,
  payload: unknown,
  nowMs: number,
): Promise<Accepted> {
  const { url, secret, ca } = target;
  const { hostname, pathname, search, searchParams } = new URL(url);
  if (isLinkLocal(hostname)) throw addressRefused(hostname);
  const body = JSON.stringify(payload);
  const timestamp = String(Math.floor(nowMs / 1000));
  const agent = new Agent({
    connect: {
      timeout: CONNECT_MS,
      lookup: guardedLookup,
      rejectUnauthorized: true,
      ...(ca === undefined ? {} : { ca }),
    },
    connections: 1,
    pipelining: 0,
    maxHeaderSize: 16_384,
  });
  // A key may stand anywhere in the address. Shorter values are words like `v=2`, and masking them would eat what is said.
  const values = [...searchParams.values()].filter(({ length }) => length >= KEY_LENGTH_LEAST);
  const secrets = [secret, url, pathname.slice(1), search.slice(1), ...values];
  try {
    const reply = await request(url, {
      method: 'POST',
      dispatcher: agent,
      signal: AbortSignal.timeout(DELIVERY_MS),
      headersTimeout: DELIVERY_MS,
      bodyTimeout: DELIVERY_MS,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Bulkhead',
        'x-bulkhead-message': id,
        'x-bulkhead-timestamp': timestamp,
        ...(secret === undefined ? {} : { 'x-bulkhead-signature': signatureOf(secret, timestamp, body) }),
      },
      body,
    });
    const said = shown(await beginning(reply.body), secrets);
    const status = String(reply.statusCode);
    if (reply.statusCode >= 200 && reply.statusCode < 300)
      return { answer: said === '' ? `HTTP ${status}` : `HTTP ${status}: ${said}` };
    const redirected = reply.statusCode >= 300 && reply.statusCode < 400;
    throw new Error(
      redirected
        ? `HTTP ${status}: it leads elsewhere, and redirects are not followed`
        : `HTTP ${status}${said === '' ? '' : `: ${said}`}`,
    );
  } catch (error) {
    throw failedDelivery(error, secrets);
  } finally {
    await agent.destroy();
  }
}

async function beginning(body: AsyncIterable<unknown>): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body) {
    parts.push(part as Buffer);
    length += (part as Buffer).length;
    if (length >= REPLY_BYTES_MOST) break;
  }
  return Buffer.concat(parts).subarray(0, REPLY_BYTES_MOST).toString('utf8');
}
