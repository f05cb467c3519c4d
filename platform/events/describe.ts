import type { StoredEvent } from '../contracts/index.ts';

/** How bad an alert is, in words; EVE's 1 is the worst. */
export type Severity = 'high' | 'medium' | 'low' | 'info';

const BY_NUMBER: Readonly<Record<number, Severity>> = { 1: 'high', 2: 'medium', 3: 'low' };
const ORDER: readonly Severity[] = ['info', 'low', 'medium', 'high'];

/** Severity of an alert; `info` for everything that is not one. */
export function severityOf(event: StoredEvent): Severity {
  const number = field(event.record, 'alert')['severity'];
  return typeof number === 'number' ? (BY_NUMBER[number] ?? 'info') : 'info';
}

/** True when `severity` is at least as bad as `least`. */
export function isAtLeast(severity: Severity, least: Severity): boolean {
  return ORDER.indexOf(severity) >= ORDER.indexOf(least);
}

/**
 * One line for people: time, severity, signature, source → destination, protocol. What it shows was written by strangers
 * on the network: control characters are taken out and lengths are cut, so that it cannot drive a terminal.
 */
export function describeAlert(event: StoredEvent): string {
  const { record } = event;
  const signature = text(field(record, 'alert')['signature'], 120) || 'alert without a signature';
  const application = text(record['app_proto'], 20);
  const protocol = [text(record['proto'], 20), application === 'failed' ? '' : application]
    .filter(Boolean)
    .join('/');
  const parts = [
    clock(event),
    severityOf(event).padEnd(6),
    signature,
    `${flow(record)}${protocol && `  ${protocol}`}`,
  ];
  return parts.filter(Boolean).join('  ');
}

/** One line for any event: alerts as {@link describeAlert}, the known EVE kinds in words, the rest by type. */
export function describeEvent(event: StoredEvent): string {
  if (event.type === 'alert') return describeAlert(event);
  const { record } = event;
  const detail = DETAILS[event.type]?.(record) ?? summary(record);
  return [clock(event), `${event.instrument} ${event.type}`, flow(record), detail].filter(Boolean).join('  ');
}

const DETAILS: Readonly<Record<string, (record: Record<string, unknown>) => string>> = {
  dns: (record) => {
    const dns = field(record, 'dns');
    const query = Array.isArray(dns['queries']) ? asObject(dns['queries'][0]) : dns;
    return join(
      text(dns['type'], 12),
      text(query['rrtype'], 12),
      text(query['rrname'], 120),
      text(dns['rcode'], 16),
    );
  },
  http: (record) => {
    const http = field(record, 'http');
    const place = `${text(http['hostname'], 80)}${text(http['url'], 100)}`;
    return join(text(http['http_method'], 12), place, text(http['status'], 6));
  },
  tls: (record) => join(text(field(record, 'tls')['version'], 12), text(field(record, 'tls')['sni'], 120)),
  'bus.refused': (record) => {
    const count = text(record['count'], 12);
    return join(
      `${text(record['instrument'], 30)}: ${text(record['operation'], 12)}`,
      text(record['subject'], 80),
      `refused (${text(record['reason'], 40)})`,
      count === '1' ? '' : `${count} times since ${text(record['since'], 24)}`,
    );
  },
  'message.sent': (record) => {
    const count = text(record['count'], 12);
    return join(
      `${text(record['from'], 30)} sent ${text(record['command'], 64)} to ${text(record['to'], 30)}:`,
      text(record['outcome'], 16),
      text(record['code'], 64),
      record['statedBy'] === undefined ? '' : '(says the recipient)',
      count === '1' ? '' : `${count} times`,
    );
  },
  flow: (record) => join(text(record['proto'], 12), text(field(record, 'flow')['state'], 16)),
};

/** Values of a record of an unknown kind, shortened. */
function summary(record: Record<string, unknown>): string {
  const shown = Object.entries(record)
    .filter(([key, value]) => typeof value !== 'object' && !SHOWN_ELSEWHERE.has(key))
    .slice(0, 6)
    .map(([key, value]) => `${text(key, 30)}=${text(value, 60)}`);
  return join(...shown).slice(0, 200);
}

const SHOWN_ELSEWHERE: ReadonlySet<string> = new Set([
  ...['timestamp', 'flow_id', 'event_type', 'in_iface', 'pkt_src'],
  ...['src_ip', 'src_port', 'dest_ip', 'dest_port'],
]);

/** `10.0.0.1:1234 → 10.0.0.2:80`, with brackets around IPv6 addresses that have a port; empty without addresses. */
function flow(record: Record<string, unknown>): string {
  const from = endpoint(record['src_ip'], record['src_port']);
  const to = endpoint(record['dest_ip'], record['dest_port']);
  return from === '' && to === '' ? '' : `${from || '?'} → ${to || '?'}`;
}

function endpoint(address: unknown, port: unknown): string {
  const host = text(address, 45);
  if (host === '' || typeof port !== 'number') return host;
  return host.includes(':') ? `[${host}]:${String(port)}` : `${host}:${String(port)}`;
}

/** When it happened by the record, else when it was packed; time of day in UTC. */
function clock(event: StoredEvent): string {
  const own = event.record['timestamp'];
  const time = Date.parse(typeof own === 'string' ? own.slice(0, 40) : '');
  return new Date(Number.isNaN(time) ? Date.parse(event.time) : time).toISOString().slice(11, 19);
}

/** A value as text without control characters (C0, DEL, C1, line and paragraph separators, direction marks), cut. */
function text(value: unknown, most: number): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return '';
  const clean = String(value)
    .slice(0, most * 4)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, ' ')
    .trim();
  return clean.length > most ? `${clean.slice(0, most - 1)}…` : clean;
}

function join(...parts: string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}

function field(record: Record<string, unknown>, name: string): Record<string, unknown> {
  return asObject(record[name]);
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
