import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { createTransport } from 'nodemailer';
import type { ChannelTarget } from '@bulkhead/fleet-api';
import { addressRefused, isLinkLocal } from './address.ts';
import { DELIVERY_MS, failedDelivery, shown, type Accepted } from './outcome.ts';

/** What goes into a mail; text only, never HTML. */
export interface Mail {
  id: string;
  subject: string;
  text: string;
}

const STEP_MS = 10_000;

/**
 * Hands a mail to the server. It counts as sent when the server took it for one recipient at least.
 * @throws BulkheadError FLEET_NOTIFY_FAILED, FLEET_NOTIFY_ADDRESS_REFUSED
 */
export async function sendMail(
  target: Extract<ChannelTarget, { kind: 'mail' }>,
  password: string | undefined,
  mail: Mail,
): Promise<Accepted> {
  const { host, port, tls, user, ca } = target;
  const address = await addressOf(host);
  const transport = createTransport({
    host: address,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    // The certificate must be that of the name, not of the address.
    tls: {
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
    },
    ...(user === undefined || password === undefined ? {} : { auth: { user, pass: password } }),
    ...{ connectionTimeout: STEP_MS, greetingTimeout: STEP_MS, socketTimeout: STEP_MS, dnsTimeout: STEP_MS },
    // Nothing in a message may make it read files or addresses.
    ...{ disableFileAccess: true, disableUrlAccess: true },
    ...{ logger: false, debug: false },
  });
  // One step after the other may each be within its time, for ever.
  const limit = setTimeout(() => {
    transport.close();
  }, DELIVERY_MS);
  try {
    const info = await Promise.race([
      transport.sendMail({
        from: target.from,
        to: target.recipients,
        subject: mail.subject,
        text: mail.text,
        messageId: `<${mail.id}@${target.from.split('@')[1] ?? 'fleet'}>`,
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
      }),
      late(),
    ]);
    const refused = info.rejected.map(String);
    const text = refused.length === 0 ? info.response : `${info.response}; refused: ${refused.join(', ')}`;
    return { answer: shown(text, [password]) };
  } catch (error) {
    throw failedDelivery(error, [password]);
  } finally {
    clearTimeout(limit);
    transport.close();
  }
}

async function addressOf(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  let addresses;
  try {
    addresses = await lookup(host, { all: true });
  } catch (error) {
    throw failedDelivery(error, []);
  }
  const allowed = addresses.find(({ address }) => !isLinkLocal(address));
  if (allowed === undefined) throw addressRefused(host);
  return allowed.address;
}

async function late(): Promise<never> {
  return new Promise((_resolve, reject) => {
    setTimeout(() => {
      reject(new Error('The server did not take the mail in time.'));
    }, DELIVERY_MS).unref();
  });
}
