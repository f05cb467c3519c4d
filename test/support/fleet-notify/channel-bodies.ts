import type { ChannelChange } from '@bulkhead/fleet-api';

type Target<K extends ChannelChange['target']['kind']> = Extract<ChannelChange['target'], { kind: K }>;

/** A channel that tells everything, as it is sent to the API. */
export function channelBody(
  target: ChannelChange['target'],
  more: Partial<ChannelChange> = {},
): ChannelChange {
  return {
    label: 'on call',
    enabled: true,
    tells: {
      alerts: 'high',
      topics: ['blindness', 'loss', 'disk', 'certificates', 'offline', 'other'],
    },
    groupS: 60,
    perHour: 20,
    target,
    ...more,
  };
}

export const mailTo = (port: number, more: Partial<Target<'mail'>> = {}): Target<'mail'> => ({
  ...{ kind: 'mail', host: 'localhost', port, tls: 'none' },
  ...{ from: 'bulkhead@example.org', recipients: ['anna@example.org', 'ben@example.org'] },
  ...more,
});
export const webhookTo = (url: string, more: Partial<Target<'webhook'>> = {}): Target<'webhook'> => ({
  ...{ kind: 'webhook', url },
  ...more,
});
export const syslogTo = (
  port: number,
  transport: Target<'syslog'>['transport'],
  more: Partial<Target<'syslog'>> = {},
): Target<'syslog'> => ({ kind: 'syslog', host: 'localhost', port, transport, ...more });
