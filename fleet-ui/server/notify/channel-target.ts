import type { ChannelChange, ChannelTarget, ChannelTargetChange } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { addressRefused, isLinkLocal } from './deliver/address.ts';

/** What of a channel is sealed. */
export interface Secrets {
  password?: string;
  secret?: string;
  url?: string;
}

/** Settings of a channel as they are kept: nothing in them is secret. */
export interface ChannelSettings extends Omit<ChannelChange, 'target'> {
  target: ChannelTarget;
}

const HOST_OF_ITSELF = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i;

/**
 * Takes secrets out of what somebody typed in, and puts those that were kept where nothing was typed.
 * @throws BulkheadError FLEET_NOTIFY_TARGET_INVALID, FLEET_NOTIFY_SECRET_NEEDED, FLEET_NOTIFY_ADDRESS_REFUSED
 */
export function splitTarget(
  change: ChannelTargetChange,
  before?: { target: ChannelTarget; secrets: Secrets },
): { target: ChannelTarget; secrets: Secrets } {
  switch (change.kind) {
    case 'mail':
      return mailTarget(change, before);
    case 'webhook':
      return webhookTarget(change, before);
    case 'syslog':
      refuseLinkLocal(change.host);
      if (change.ca !== undefined && change.transport !== 'tls')
        throw invalid('certificates to trust are for TLS');
      return { target: change, secrets: {} };
  }
}

function mailTarget(
  change: Extract<ChannelTargetChange, { kind: 'mail' }>,
  before: { target: ChannelTarget; secrets: Secrets } | undefined,
) {
  const { password: typed, ...mail } = change;
  refuseLinkLocal(mail.host);
  const same = before?.target.kind === 'mail' ? before : undefined;
  const password = typed === undefined ? same?.secrets.password : (typed ?? undefined);
  if (typed === undefined && password !== undefined && same?.target.kind === 'mail') {
    const { host, port, tls, user, ca } = same.target;
    const isMoved =
      host !== mail.host || port !== mail.port || tls !== mail.tls || user !== mail.user || ca !== mail.ca;
    if (isMoved) {
      throw new BulkheadError({
        code: 'FLEET_NOTIFY_SECRET_NEEDED',
        message: 'The server, or how it is reached, was changed: its password is not sent there unseen.',
        hint: 'Type the password in again, or leave the user out.',
        fields: { pointer: '/body/target/password' },
      });
    }
  }
  if ((mail.user === undefined) !== (password === undefined))
    throw invalid('user and password belong together');
  if (password !== undefined && mail.tls === 'none' && !HOST_OF_ITSELF.test(mail.host))
    throw invalid('a password does not go over a network in the clear: use TLS');
  if (mail.ca !== undefined && mail.tls === 'none') throw invalid('certificates to trust are for TLS');
  return {
    target: { ...mail, hasPassword: password !== undefined },
    secrets: password === undefined ? {} : { password },
  };
}

function webhookTarget(
  change: Extract<ChannelTargetChange, { kind: 'webhook' }>,
  before: { target: ChannelTarget; secrets: Secrets } | undefined,
) {
  const { url: typedUrl, secret: typed, ...webhook } = change;
  const kept = before?.target.kind === 'webhook' ? before.secrets : {};
  const url = typedUrl ?? kept.url;
  if (url === undefined) throw invalid('the address (URL) is missing', '/body/target/url');
  const secret = typed === undefined ? kept.secret : (typed ?? undefined);
  return {
    target: { ...webhook, origin: originOf(url), hasSecret: secret !== undefined },
    secrets: { url, ...(secret === undefined ? {} : { secret }) },
  };
}

function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw invalid('the address must begin with https:// or http://', '/body/target/url');
  if (url.username !== '' || url.password !== '')
    throw invalid('a name or password in the address is not used: sign with a secret', '/body/target/url');
  refuseLinkLocal(url.hostname);
  return url.origin;
}

function refuseLinkLocal(host: string): void {
  if (isLinkLocal(host)) throw addressRefused(host);
}

/** Without secrets: for the audit log and for people. */
export function destinationOf(target: ChannelTarget): string {
  switch (target.kind) {
    case 'mail':
      return `${target.recipients.join(', ')} by ${target.host}:${String(target.port)}`;
    case 'webhook':
      return target.origin;
    case 'syslog':
      return `${target.transport}://${target.host}:${String(target.port)}`;
  }
}

function invalid(what: string, pointer = '/body/target'): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_NOTIFY_TARGET_INVALID',
    message: `The destination is not valid: ${what}.`,
    fields: { pointer },
  });
}
