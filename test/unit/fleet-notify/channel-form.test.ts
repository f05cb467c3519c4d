import { expect, test } from 'vitest';
import { ChannelChangeSchema, type ChannelView } from '@bulkhead/fleet-api';
import { changed, changeOf, formOf } from '../../../fleet-ui/web/src/pages/settings/channel-form.ts';

const common = {
  ...{
    id: 'n_abcdefghijklmnop',
    label: 'on call',
    enabled: true,
    groupS: 60,
    perHour: 20,
    secretsLost: false,
  },
  tells: { alerts: null, topics: ['disk'] },
  health: { sent: 0, failures: 0, waiting: 0, leftOut: 0 },
} satisfies Omit<ChannelView, 'target'>;
const MAIL = {
  kind: 'mail',
  host: 'mail.example.org',
  port: 587,
  tls: 'starttls',
  from: 'b@example.org',
} as const;

test.each([
  { ...MAIL, recipients: ['a@example.org', 'c@example.org'], user: 'fleet', hasPassword: true },
  { kind: 'webhook' as const, origin: 'https://example.org', hasSecret: true },
  { kind: 'syslog' as const, host: '192.0.2.1', port: 514, transport: 'udp' as const },
] satisfies ChannelView['target'][])(
  'a channel that is opened and saved stays what it was, its secrets too: $kind',
  (target) => {
    const change = ChannelChangeSchema.parse(changeOf(formOf({ ...common, target })));
    expect(change).toMatchObject({ label: 'on call', tells: common.tells, target: { kind: target.kind } });
    expect(Object.keys(change.target)).not.toEqual(expect.arrayContaining(['password']));
    expect('secret' in change.target || 'url' in change.target).toBe(false);
  },
);

test('who takes the user out takes the password away; what is typed is sent', () => {
  const form = formOf({ ...common, target: { ...MAIL, recipients: [], user: 'fleet', hasPassword: true } });
  expect(changeOf({ ...form, user: '' }).target).toMatchObject({ password: null });
  expect(changeOf({ ...form, recipients: 'a@x.org; b@x.org,\nc@x.org ' }).target).toMatchObject({
    recipients: ['a@x.org', 'b@x.org', 'c@x.org'],
  });
  const hook = formOf({ ...common, target: { kind: 'webhook', origin: 'https://x.org', hasSecret: true } });
  expect(changeOf({ ...hook, unsigned: true }).target).toEqual({ kind: 'webhook', secret: null });
});

test('the usual port follows the way of sending, one that was typed stays', () => {
  const form = formOf(undefined);
  expect(changed(form, { tls: 'implicit' }).port).toBe('465');
  expect(changed(changed(form, { kind: 'syslog' }), { transport: 'udp' }).port).toBe('514');
  expect(changed(changed(form, { port: '2525' }), { tls: 'none' }).port).toBe('2525');
});
