import type { FleetEvent } from '@bulkhead/fleet-api';

type Fields = Readonly<Record<string, unknown>>;

/** What the parts of an event that others are about need of it. Records are hostile: whatever is not of the right kind is left out. */
export interface AlertFields {
  signature: string | undefined;
  text: string | undefined;
  revision: number | undefined;
  category: string | undefined;
  action: string | undefined;
  source: string | undefined;
  destination: string | undefined;
  protocol: string | undefined;
  /** Community ID, known beyond one sensor. */
  community: string | undefined;
  /** Id of the flow on its sensor. */
  flow: string | undefined;
  interface: string | undefined;
  seen: string | undefined;
}

/** Reads a record in EVE's form. Pure. */
export function alertFields({ record }: Pick<FleetEvent, 'record'>): AlertFields {
  const alert = fields(record['alert']);
  return {
    signature: digits(alert['signature_id']),
    text: text(alert['signature']),
    revision: typeof alert['rev'] === 'number' ? alert['rev'] : undefined,
    category: text(alert['category']),
    action: text(alert['action']),
    source: text(record['src_ip']),
    destination: text(record['dest_ip']),
    protocol: text(record['app_proto']) ?? text(record['proto']),
    community: text(record['community_id'])?.slice(0, 64),
    flow: digits(record['flow_id']),
    interface: text(record['in_iface']),
    seen: text(record['timestamp']),
  };
}

/** One part of a record as pairs to be read: `http`, `dns`, … */
export interface RecordPart {
  title: string;
  rows: [name: string, value: string][];
}

const PARTS_MOST = 12;
const ROWS_MOST = 24;
const VALUE_MOST = 400;
/** Said elsewhere, or not for reading. */
const LEFT_OUT: ReadonlySet<string> = new Set(['alert', 'packet', 'payload', 'packet_info', 'metadata']);
const NAMES: Readonly<Record<string, string>> = {
  http: 'HTTP request',
  dns: 'DNS',
  tls: 'TLS',
  flow: 'Flow',
  ssh: 'SSH',
  smb: 'SMB',
  smtp: 'SMTP',
  fileinfo: 'File',
  files: 'Files',
};

/** What a record says beside its alert, part by part, bounded. Pure. */
export function recordParts(record: Fields): RecordPart[] {
  return Object.entries(record)
    .filter(([name, value]) => !LEFT_OUT.has(name) && typeof value === 'object' && value !== null)
    .slice(0, PARTS_MOST)
    .map(([name, value]) => ({ title: NAMES[name] ?? name, rows: rowsOf(value, '', 0).slice(0, ROWS_MOST) }))
    .filter(({ rows }) => rows.length > 0);
}

function rowsOf(value: unknown, name: string, depth: number): [string, string][] {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    const shown = String(value);
    return [
      [name === '' ? 'value' : name, shown.length > VALUE_MOST ? `${shown.slice(0, VALUE_MOST)} …` : shown],
    ];
  }
  if (typeof value !== 'object' || value === null || depth > 3) return [];
  const entries = Array.isArray(value)
    ? value.slice(0, 8).map((one, index): [string, unknown] => [String(index + 1), one])
    : Object.entries(value).slice(0, ROWS_MOST);
  return entries.flatMap(([key, inner]) =>
    rowsOf(inner, name === '' ? key : `${name}.${key}`, depth + 1).slice(0, ROWS_MOST),
  );
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function digits(value: unknown): string | undefined {
  const found = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  return /^\d{1,20}$/.test(found) ? found : undefined;
}
