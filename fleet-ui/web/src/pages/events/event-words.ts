import type { FleetEvent } from '@bulkhead/fleet-api';
import { shortAddress } from '../../text/address-words.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What an event says, in one line. Pure. */
export function eventWords({ type, record }: Pick<FleetEvent, 'type' | 'record'>): string {
  const part = (name: string): Fields => fields(record[name]);
  switch (type) {
    case 'alert':
      return text(part('alert')['signature']) ?? 'an alert without a text';
    case 'dns':
      return joined([
        text(part('dns')['type']),
        text(part('dns')['rrname']) ?? firstQuery(part('dns')),
        text(part('dns')['rcode']),
      ]);
    case 'http':
      return joined([
        text(part('http')['http_method']),
        `${text(part('http')['hostname']) ?? ''}${text(part('http')['url']) ?? ''}`,
        text(part('http')['status']),
      ]);
    case 'tls':
      return joined([text(part('tls')['version']), text(part('tls')['sni']) ?? text(part('tls')['subject'])]);
    case 'flow':
      return joined([text(record['proto']), text(part('flow')['state']), bytesOf(part('flow'))]);
    case 'fileinfo':
      return joined([text(part('fileinfo')['filename']), text(part('fileinfo')['magic'])]);
    default:
      return text(record['text']) ?? text(record['message']) ?? summary(record);
  }
}

/** From where to where, when a record says so. */
export function eventPath(record: Fields): string | undefined {
  const from = endpoint(record['src_ip'], record['src_port']);
  const to = endpoint(record['dest_ip'], record['dest_port']);
  return from === undefined && to === undefined ? undefined : `${from ?? '?'} → ${to ?? '?'}`;
}

function endpoint(address: unknown, port: unknown): string | undefined {
  const said = text(address);
  if (said === undefined) return undefined;
  const host = shortAddress(said);
  const at = text(port);
  if (at === undefined) return host;
  return host.includes(':') ? `[${host}]:${at}` : `${host}:${at}`;
}

function firstQuery(dns: Fields): string | undefined {
  const queries = dns['queries'];
  return Array.isArray(queries) ? text(fields(queries[0])['rrname']) : undefined;
}

function bytesOf(flow: Fields): string | undefined {
  const sum = Number(flow['bytes_toserver'] ?? 0) + Number(flow['bytes_toclient'] ?? 0);
  return Number.isFinite(sum) && sum > 0 ? `${sum.toLocaleString('en')} bytes` : undefined;
}

/** The first few plain values of a record that nobody described. */
function summary(record: Fields): string {
  return Object.entries(record)
    .filter(
      ([name, value]) => name !== 'timestamp' && (typeof value === 'string' || typeof value === 'number'),
    )
    .slice(0, 4)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}

function joined(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
