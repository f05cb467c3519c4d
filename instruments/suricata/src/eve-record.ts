import { isUtf8 } from 'node:buffer';
import { CHECK } from './reserved.ts';

/** What one EVE line is to be published as, or why it is not. */
export type EveLine =
  | { kind: 'event'; type: string }
  /** The alert of a detection check. */
  | { kind: 'check'; record: CheckRecord }
  /** The flow of a detection check: not traffic of the protected network. */
  | { kind: 'check-flow' }
  | { kind: 'malformed'; why: string };

/** The record published for a detection check that came back as an alert. */
export interface CheckRecord {
  /** 32 hex digits, as they stood in the packet. */
  nonce: string;
  timestamp: string;
  /** Interface on which Suricata saw it. */
  interface: string;
  signatureId: number;
}

const HEAD = Buffer.from('{"timestamp":"');
const TYPE_KEY = Buffer.from('"event_type":"');
/** The header (timestamp, flow_id, in_iface, event_type) is far shorter, and nothing in it comes from the network. */
const HEADER_BYTES = 512;
/** Lines from this length on are rare, so they are parsed in full. */
const PARSE_FROM_BYTES = 65_536;
const QUOTE = 34;
const CLOSE = 125;

const CHECK_SID = Buffer.from(`"signature_id":${String(CHECK.signatureId)},`);
const CHECK_FLOW = Buffer.from(`"src_ip":"${CHECK.source}","src_port":${String(CHECK.sourcePort)},`);
const CHECK_FLOW_TO = Buffer.from(
  `"dest_ip":"${CHECK.destination}","dest_port":${String(CHECK.destinationPort)},"proto":"UDP"`,
);

/**
 * Looks at one EVE line without parsing it: begins and ends as a record of Suricata's, is UTF-8, is one record and not two
 * run together, names an event type in its header. Inside a JSON string a quote is escaped, so the first unescaped
 * `"event_type":"` can only be the key.
 */
export function readEveLine(line: Buffer): EveLine {
  if (line.length < 32 || !line.subarray(0, HEAD.length).equals(HEAD)) return malformed('no EVE header');
  if (line[line.length - 1] !== CLOSE) return malformed('cut off');
  const key = line.subarray(0, HEADER_BYTES).indexOf(TYPE_KEY);
  if (key === -1) return malformed('no event_type');
  const type = readType(line, key + TYPE_KEY.length);
  if (type === undefined) return malformed('event_type is not a name');
  if (!isUtf8(line)) return malformed('not UTF-8');
  if (line.length >= PARSE_FROM_BYTES || line.indexOf(HEAD, 1) !== -1) {
    if (parseObject(line) === undefined) return malformed('not JSON');
  }
  if (type === 'alert' && line.includes(CHECK_SID)) return readCheck(line) ?? { kind: 'event', type };
  if (type === 'flow' && line.includes(CHECK_FLOW) && line.includes(CHECK_FLOW_TO))
    return { kind: 'check-flow' };
  return { kind: 'event', type };
}

function malformed(why: string): EveLine {
  return { kind: 'malformed', why };
}

/** Reads `[a-z][a-z0-9_]{0,31}` up to the closing quote. */
function readType(line: Buffer, start: number): string | undefined {
  let end = start;
  for (; end - start <= 32; end += 1) {
    const byte = line[end];
    if (byte === QUOTE) break;
    const letter = byte !== undefined && byte >= 97 && byte <= 122;
    const other = byte !== undefined && ((byte >= 48 && byte <= 57) || byte === 95);
    if (!letter && !(other && end > start)) return undefined;
  }
  return end > start && line[end] === QUOTE ? line.toString('latin1', start, end) : undefined;
}

function parseObject(line: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The check in an alert, when signature, addresses, ports and nonce are all those of a detection check. */
function readCheck(line: Buffer): EveLine | undefined {
  const record = parseObject(line);
  if (record === undefined) return malformed('not JSON');
  const alert = record['alert'] as { gid?: unknown; signature_id?: unknown } | undefined;
  const genuine =
    alert?.gid === 1 &&
    alert.signature_id === CHECK.signatureId &&
    record['src_ip'] === CHECK.source &&
    record['dest_ip'] === CHECK.destination &&
    record['src_port'] === CHECK.sourcePort &&
    record['dest_port'] === CHECK.destinationPort &&
    record['proto'] === 'UDP';
  const metadata = record['metadata'] as { pktvars?: unknown } | undefined;
  const variables = Array.isArray(metadata?.pktvars) ? (metadata.pktvars as unknown[]) : [];
  const nonce = variables
    .map((entry) => (entry as Record<string, unknown> | null)?.[CHECK.nonceVariable])
    .find((value): value is string => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value));
  if (!genuine || nonce === undefined) return undefined;
  return {
    kind: 'check',
    record: {
      nonce,
      timestamp: text(record['timestamp']),
      interface: text(record['in_iface']),
      signatureId: CHECK.signatureId,
    },
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
