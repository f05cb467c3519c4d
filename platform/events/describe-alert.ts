import type { StoredEvent } from '../contracts/index.ts';

const SEVERITY = ['unknown', 'high', 'medium', 'low'] as const;

/**
 * An alert on one line: time, severity, signature, source and destination, protocol. Reads an EVE record (Suricata's
 * documentation, "EVE JSON Format"); whatever is missing or of another type is left out. Control characters of a
 * hostile record never reach the terminal.
 */
export function describeAlert(event: StoredEvent): string {
  const { record } = event;
  const alert = objectAt(record, 'alert');
  const severity = SEVERITY[numberAt(alert, 'severity') ?? 0] ?? 'low';
  const signature = textAt(alert, 'signature') ?? 'alert without a signature';
  const protocol = [textAt(record, 'proto'), textAt(record, 'app_proto')].filter(
    (part) => part !== undefined,
  );
  const from = endpoint(textAt(record, 'src_ip'), numberAt(record, 'src_port'));
  const to = endpoint(textAt(record, 'dest_ip'), numberAt(record, 'dest_port'));
  const time = textAt(record, 'timestamp') ?? event.time;
  return `${time.slice(0, 19).replace('T', ' ')}  ${severity.toUpperCase().padEnd(6)}  ${signature}  ${from} -> ${to}  ${protocol.join('/')}`.trimEnd();
}

function endpoint(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return '?';
  const host = address.includes(':') && port !== undefined ? `[${address}]` : address;
  return port === undefined ? host : `${host}:${String(port)}`;
}

function objectAt(record: Record<string, unknown>, key: string): Record<string, unknown> {
  const value = record[key];
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function textAt(record: Record<string, unknown>, key: string): string | undefined {
  const value = record[key];
  if (typeof value !== 'string') return undefined;
  // eslint-disable-next-line no-control-regex -- exactly these must not reach a terminal
  return value.slice(0, 200).replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '?');
}

function numberAt(record: Record<string, unknown>, key: string): number | undefined {
  const value = record[key];
  return typeof value === 'number' ? value : undefined;
}
