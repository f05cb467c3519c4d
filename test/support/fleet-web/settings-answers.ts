import {
  ChannelsReplySchema,
  ChannelTestReplySchema,
  ChannelViewSchema,
  SettingsSchema,
  type ChannelView,
} from '@bulkhead/fleet-api';
import { ok, type Answer, type Asked } from './answer.ts';
import { ago } from './sensors.ts';

const DAY_S = 86_400;
const ALL: ChannelView['tells']['topics'] = [
  ...['blindness', 'loss', 'disk', 'certificates', 'offline', 'other'],
] as ChannelView['tells']['topics'];

const CHANNELS: ChannelView[] = [
  {
    id: 'n_abcdefghijklmnop',
    label: 'People on call',
    enabled: true,
    tells: { alerts: 'high', topics: ALL },
    ...{ groupS: 60, perHour: 20 },
    target: {
      kind: 'mail',
      ...{ host: 'mail.example.org', port: 587, tls: 'starttls', from: 'bulkhead@example.org' },
      recipients: ['anna@example.org', 'night-shift@example.org'],
      ...{ user: 'bulkhead', hasPassword: true },
    },
    secretsLost: false,
    health: {
      ...{ sent: 41, lastSuccessAt: ago(3_000), lastAnswer: '250 2.0.0 Ok: queued as 4b1f2' },
      ...{ failures: 0, waiting: 0, leftOut: 0 },
    },
  },
  {
    id: 'n_bbbbbbbbbbbbbbbb',
    label: 'Ticket system',
    enabled: true,
    tells: { alerts: null, topics: ['blindness', 'offline'] },
    ...{ groupS: 300, perHour: 12 },
    target: { kind: 'webhook', origin: 'https://tickets.example.org', hasSecret: true },
    secretsLost: false,
    health: {
      ...{ sent: 7, lastSuccessAt: ago(90_000), lastAnswer: 'HTTP 204', lastErrorAt: ago(40) },
      ...{ lastError: 'HTTP 503: maintenance until noon', failures: 3, nextTryAt: ago(-80) },
      ...{ waiting: 2, leftOut: 0 },
    },
  },
  {
    id: 'n_cccccccccccccccc',
    label: 'Collector',
    enabled: false,
    tells: { alerts: 'low', topics: ALL },
    ...{ groupS: 60, perHour: 60 },
    target: { kind: 'syslog', host: 'logs.example.org', port: 6514, transport: 'tls' },
    secretsLost: false,
    health: { sent: 0, failures: 0, waiting: 0, leftOut: 0 },
  },
];

/** Settings and channels of the fleet. */
export function ofSettings({ method, path }: Asked, isEmpty: boolean): Answer | undefined {
  if (method === 'GET' && path === '/notifications/channels')
    return ok(ChannelsReplySchema.parse({ channels: isEmpty ? [] : CHANNELS }));
  if (method === 'GET' && path === '/settings') return ok(settings());
  if (method === 'PUT' && path === '/settings/events') return ok(settings());
  if (!path.startsWith('/notifications/channels') || method === 'DELETE') return undefined;
  if (!path.endsWith('/test')) return ok(ChannelViewSchema.parse(CHANNELS[0]));
  const works = path.includes('abcdefgh');
  return ok(
    ChannelTestReplySchema.parse({
      ok: works,
      answer: works ? '250 2.0.0 Ok: queued as 9c2d1' : 'HTTP 503: maintenance until noon',
      tookMs: 740,
    }),
  );
}

function settings() {
  const certificate = (what: 'ca' | 'web' | 'link', days: number) => ({
    ...{ what, given: false, subject: what === 'ca' ? 'CN=Bulkhead fleet CA' : 'CN=fleet.example.org' },
    names: what === 'ca' ? [] : ['fleet.example.org', '198.51.100.7'],
    notBefore: ago(20 * DAY_S),
    notAfter: ago(-days * DAY_S),
    fingerprint: 'Zk3pQ0v7u2bYx8mN1rT5wE6sD4aF9hJ0kL2zX7cV1bQ',
  });
  return SettingsSchema.parse({
    events: {
      retentionDays: { value: 30, from: 'app', file: 90, by: 'anna', at: ago(9 * DAY_S) },
      storeMib: { value: 4_096, from: 'file', file: 4_096 },
    },
    backup: {
      last: { at: ago(2 * DAY_S), file: '/backup/fleet-2026-11-19', bytes: 7_340_032 },
      command: 'fleetd backup /backup/fleet-2026-11-21 --config /etc/bulkhead/fleet.yaml',
      everyDays: 30,
    },
    certificates: [certificate('ca', 3_600), certificate('web', 70), certificate('link', 70)],
  });
}
