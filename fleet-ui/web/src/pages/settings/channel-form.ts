import type { ChannelChange, ChannelView, NotificationTopic } from '@bulkhead/fleet-api';

export type Kind = ChannelChange['target']['kind'];

/** What a person typed so far; numbers as they stand in their fields. */
export interface ChannelForm {
  kind: Kind;
  label: string;
  enabled: boolean;
  alerts: 'none' | 'low' | 'medium' | 'high';
  topics: readonly NotificationTopic[];
  groupS: string;
  perHour: string;
  host: string;
  port: string;
  tls: 'implicit' | 'starttls' | 'none';
  transport: 'udp' | 'tcp' | 'tls';
  from: string;
  recipients: string;
  user: string;
  ca: string;
  /** Secrets: empty = stays as it is. */
  password: string;
  url: string;
  secret: string;
  /** The signing secret is taken away. */
  unsigned: boolean;
}

export const KINDS: readonly { value: Kind; label: string }[] = [
  { value: 'mail', label: 'Mail' },
  { value: 'webhook', label: 'Webhook' },
  { value: 'syslog', label: 'Syslog' },
];
export const TOPICS: readonly { topic: NotificationTopic; label: string; description: string }[] = [
  {
    topic: 'blindness',
    label: 'Blindness',
    description: 'A sensor does not see what passes, or gets no traffic',
  },
  { topic: 'loss', label: 'Loss', description: 'Packets or events were lost' },
  { topic: 'disk', label: 'Disks', description: 'Something is full, or cannot be written' },
  { topic: 'certificates', label: 'Certificates', description: 'One ends soon, or has ended' },
  { topic: 'offline', label: 'Offline', description: 'A sensor is away' },
  { topic: 'other', label: 'Everything else', description: 'Whatever else needs attention' },
];
export const ALERTS: readonly { value: ChannelForm['alerts']; label: string }[] = [
  { value: 'high', label: 'High' },
  { value: 'medium', label: 'Medium and high' },
  { value: 'low', label: 'All' },
  { value: 'none', label: 'None' },
];

const USUAL_PORTS: Readonly<Record<string, string>> = {
  implicit: '465',
  starttls: '587',
  none: '25',
  udp: '514',
  tcp: '601',
  tls: '6514',
};

/** The port that is usual for a way of sending. */
export function usualPort({ kind, tls, transport }: Pick<ChannelForm, 'kind' | 'tls' | 'transport'>): string {
  return (kind === 'mail' ? USUAL_PORTS[tls] : kind === 'syslog' ? USUAL_PORTS[transport] : undefined) ?? '';
}

/** The same with one thing changed; a port that was the usual one stays the usual one. Pure. */
export function changed(form: ChannelForm, change: Partial<ChannelForm>): ChannelForm {
  const next = { ...form, ...change };
  if (change.port !== undefined || form.port !== usualPort(form)) return next;
  return { ...next, port: usualPort(next) };
}

/** Of a channel that is there, or for a new one. Secrets are never there. Pure. */
export function formOf(channel: ChannelView | undefined): ChannelForm {
  const empty: ChannelForm = {
    kind: 'mail',
    ...{ label: '', enabled: true, alerts: 'high', topics: TOPICS.map(({ topic }) => topic) },
    ...{ groupS: '60', perHour: '20', host: '', port: '587', tls: 'starttls', transport: 'tls' },
    ...{ from: '', recipients: '', user: '', ca: '', password: '', url: '', secret: '', unsigned: false },
  };
  if (channel === undefined) return empty;
  const { label, enabled, tells, groupS, perHour, target } = channel;
  const common: ChannelForm = {
    ...empty,
    ...{ kind: target.kind, label, enabled, alerts: tells.alerts ?? 'none', topics: tells.topics },
    ...{ groupS: String(groupS), perHour: String(perHour) },
  };
  switch (target.kind) {
    case 'mail':
      return {
        ...common,
        ...{ host: target.host, port: String(target.port), tls: target.tls, from: target.from },
        ...{ recipients: target.recipients.join('\n'), user: target.user ?? '', ca: target.ca ?? '' },
      };
    case 'webhook':
      return { ...common, port: '', ca: target.ca ?? '' };
    case 'syslog':
      return {
        ...common,
        ...{ host: target.host, port: String(target.port), transport: target.transport },
        ca: target.ca ?? '',
      };
  }
}

/** As it is sent. Pure. */
export function changeOf(form: ChannelForm): ChannelChange {
  return {
    label: form.label.trim(),
    enabled: form.enabled,
    tells: { alerts: form.alerts === 'none' ? null : form.alerts, topics: [...form.topics] },
    groupS: Number(form.groupS),
    perHour: Number(form.perHour),
    target: targetOf(form),
  };
}

function targetOf(form: ChannelForm): ChannelChange['target'] {
  const { kind, tls, transport } = form;
  const host = form.host.trim();
  const port = Number(form.port);
  const ca = form.ca.trim() === '' ? {} : { ca: form.ca };
  switch (kind) {
    case 'mail':
      return {
        ...{ kind, host, port, tls, from: form.from.trim() },
        recipients: form.recipients.split(/[\s,;]+/).filter((one) => one !== ''),
        ...(form.user === '' ? { password: null } : { user: form.user }),
        ...(form.password === '' ? {} : { password: form.password }),
        ...(tls === 'none' ? {} : ca),
      };
    case 'webhook':
      return {
        kind,
        ...(form.url.trim() === '' ? {} : { url: form.url.trim() }),
        ...(form.unsigned ? { secret: null } : form.secret === '' ? {} : { secret: form.secret }),
        ...ca,
      };
    case 'syslog':
      return { ...{ kind, host, port, transport }, ...(transport === 'tls' ? ca : {}) };
  }
}

/** Where a channel leads, in a line. Pure. */
export function destinationWords({ target }: Pick<ChannelView, 'target'>): string {
  switch (target.kind) {
    case 'mail':
      return `${target.recipients.join(', ')}, by ${target.host}:${String(target.port)}`;
    case 'webhook':
      return `${target.origin}/…${target.hasSecret ? ', signed' : ''}`;
    case 'syslog':
      return `${target.host}:${String(target.port)}, ${target.transport.toUpperCase()}`;
  }
}

/** What a channel tells, in a line. Pure. */
export function tellsWords({ tells }: Pick<ChannelView, 'tells'>): string {
  const alerts = ALERTS.find(({ value }) => value === (tells.alerts ?? 'none'));
  const topics = TOPICS.filter(({ topic }) => tells.topics.includes(topic)).map(({ label }) =>
    label.toLowerCase(),
  );
  const parts = [
    ...(tells.alerts === null ? [] : [`alerts (${alerts?.label.toLowerCase() ?? tells.alerts})`]),
    ...topics,
  ];
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}
