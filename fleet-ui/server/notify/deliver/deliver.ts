import { BulkheadError } from '@bulkhead/platform/kernel';
import type { ChannelSettings, Secrets } from '../channel-target.ts';
import type { Notice } from '../notice.ts';
import { mailText, syslogOf } from '../writing.ts';
import { sendMail } from './mail.ts';
import type { Accepted } from './outcome.ts';
import { sendSyslog } from './syslog.ts';
import { postWebhook } from './webhook.ts';

/**
 * Hands one message over in the way of the channel; bounded in time.
 * @param secrets null: they cannot be read any more
 * @throws BulkheadError FLEET_NOTIFY_FAILED, FLEET_NOTIFY_ADDRESS_REFUSED, FLEET_NOTIFY_SECRETS_LOST
 */
export async function deliver(
  { target }: Pick<ChannelSettings, 'target'>,
  secrets: Secrets | null,
  notice: Notice,
): Promise<Accepted> {
  if (secrets === null) {
    throw new BulkheadError({
      code: 'FLEET_NOTIFY_SECRETS_LOST',
      message: 'Its password, secret or address cannot be read any more: type it in again.',
    });
  }
  switch (target.kind) {
    case 'mail': {
      const { id, subject } = notice;
      return sendMail(target, secrets.password, { id, subject, text: mailText(notice) });
    }
    case 'webhook':
      return postWebhook(
        { url: secrets.url ?? '', secret: secrets.secret, ca: target.ca },
        notice.id,
        notice,
        Date.parse(notice.at),
      );
    case 'syslog':
      return sendSyslog(target, syslogOf(notice));
  }
}
