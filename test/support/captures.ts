import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findIp, linkType, readCapture } from '@bulkhead/scripts/replay';

/** Number of events by type. */
export type EventCounts = Readonly<Record<string, number>>;

/** A public capture and the events that Suricata 7.0.10 logs of it offline. */
export interface KnownCapture {
  name: string;
  events: EventCounts;
  /**
   * Events that come on top or do not, by chance, also offline: Suricata may see the first packets of an FTP data connection
   * before the command that announced it, on another thread.
   */
  maybe?: EventCounts;
  /** Replayed with pauses of at most this length. Where flow time-outs matter, pauses must stay as long as they were. */
  maxGapMs: number;
}

/** All but `chdlc-http`, which is refused: its link type cannot be on Ethernet. */
export const KNOWN_CAPTURES: readonly KnownCapture[] = [
  { name: 'dhcp-flood', events: { flow: 1 }, maxGapMs: 100 },
  { name: 'dnp3', events: { flow: 1 }, maxGapMs: 100 },
  { name: 'dns-tcp-multirequest', events: { dns: 40, flow: 1 }, maxGapMs: 100 },
  {
    name: 'ftp-active',
    events: { dns: 4, flow: 3, ftp: 8 },
    maybe: { fileinfo: 1, ftp_data: 1 },
    maxGapMs: 100,
  },
  { name: 'http-all-headers', events: { fileinfo: 1, flow: 1, http: 1 }, maxGapMs: 100 },
  { name: 'http-pipeline-gap', events: { fileinfo: 3, flow: 1, http: 3 }, maxGapMs: 100 },
  { name: 'ipv6-ext-dos', events: { flow: 9 }, maxGapMs: 1000 },
  { name: 'nfs3', events: { fileinfo: 3, flow: 9, nfs: 49 }, maxGapMs: 100 },
  { name: 'quic', events: { flow: 11, quic: 11 }, maxGapMs: 100 },
  {
    name: 'smb-psexec',
    events: { anomaly: 3, dcerpc: 2, dns: 22, fileinfo: 2, flow: 21, smb: 56 },
    maxGapMs: 100,
  },
  { name: 'ssh', events: { flow: 1, ssh: 1 }, maxGapMs: 100 },
  { name: 'tls-client-auth', events: { flow: 1, tls: 1 }, maxGapMs: 100 },
  // One of its port pairs is used again after a flow time-out.
  { name: 'tls-mixed-2019', events: { dns: 74, fileinfo: 36, flow: 110, http: 37, tls: 40 }, maxGapMs: 2500 },
];

/** Refused with START_CAPTURE_LINK_TYPE. */
export const REFUSED_CAPTURE = 'chdlc-http';

/** Folder of the captures: `BULKHEAD_CAPTURES`, else `../shared/pcaps` beside the checkout. */
const CAPTURES_DIR =
  process.env['BULKHEAD_CAPTURES'] ??
  resolve(fileURLToPath(new URL('../..', import.meta.url)), '../shared/pcaps');

/** The path of a known capture, or undefined on a machine that does not have them. */
export function capturePath(name: string): string | undefined {
  const path = join(CAPTURES_DIR, `${name}.pcap`);
  return existsSync(path) ? path : undefined;
}

/** Known captures that are there. */
export function presentCaptures(): (KnownCapture & { path: string })[] {
  return KNOWN_CAPTURES.flatMap((capture) => {
    const path = capturePath(capture.name);
    return path === undefined ? [] : [{ ...capture, path }];
  });
}

/**
 * The pairs of addresses that talk in a capture, each as hex in ascending order. The known captures share none, so an event
 * belongs to the capture in which its two addresses talk.
 */
export async function addressPairs(path: string): Promise<Set<string>> {
  const pairs = new Set<string>();
  for await (const { linkType: type, data } of readCapture(path)) {
    const framing = linkType(type).framing;
    const at = framing === 'family' ? 4 : framing === 'ethernet' ? findIp(data)?.at : 0;
    if (at === undefined) continue;
    const ip4 = (data[at] ?? 0) >> 4 === 4;
    const [source, middle, end] = ip4 ? [12, 16, 20] : [8, 24, 40];
    const [one, other] = [data.subarray(at + source, at + middle), data.subarray(at + middle, at + end)];
    pairs.add(pairKey(one.toString('hex'), other.toString('hex')));
  }
  return pairs;
}

/** The pair of addresses of an EVE record; undefined when it has none. */
export function pairOfRecord(record: Readonly<Record<string, unknown>>): string | undefined {
  const { src_ip: source, dest_ip: destination } = record;
  if (typeof source !== 'string' || typeof destination !== 'string') return undefined;
  return pairKey(addressHex(source), addressHex(destination));
}

function pairKey(one: string, other: string): string {
  return [one, other].sort().join('-');
}

/** IPv4 in dots, or IPv6 as Suricata writes it (all eight groups) or shortened, as hex. */
function addressHex(address: string): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  if (address.includes('.')) {
    return address
      .split('.')
      .map((byte) => hex(Number(byte), 2))
      .join('');
  }
  const [head = '', tail] = address.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const after = groups(tail ?? '');
  const before = groups(head);
  const zeros = Array<string>(tail === undefined ? 0 : 8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].map((group) => hex(Number.parseInt(group, 16), 4)).join('');
}

/** What differs between expected and seen events, one line per type; empty when nothing does. */
export function compareEvents(expected: EventCounts, got: EventCounts, maybe: EventCounts = {}): string[] {
  const types = new Set([...Object.keys(expected), ...Object.keys(got)]);
  return [...types].sort().flatMap((type) => {
    const least = expected[type] ?? 0;
    const most = least + (maybe[type] ?? 0);
    const seen = got[type] ?? 0;
    return seen >= least && seen <= most ? [] : [`${type}: expected ${String(least)}, got ${String(seen)}`];
  });
}

/** Counts records by type. */
export function countTypes(types: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const type of types) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}
