import type { EventSeverity } from '@bulkhead/fleet-api';
import { addressHex } from '@bulkhead/platform/kernel';
import { normalName } from './facts.ts';
import { severityOf } from './severity.ts';

/** Who says that an address has a name: see the README for how far each is to be believed. */
export type NameSource = 'dhcp' | 'dns' | 'smb' | 'tls' | 'http';

/** What one record says about one address. */
export interface Sighting {
  /** Hex, see addressHex. */
  address: string;
  /** It is only spoken of, in an answer of DNS: counts as seen when it was seen itself, or is private. */
  spokenOf: boolean;
  names: { name: string; from: NameSource }[];
  /** It answered there. */
  service?: { port: number; protocol: string; application: string };
  mac?: string;
  /** Of the alert in which it stands. */
  alert?: EventSeverity;
}

type Fields = Readonly<Record<string, unknown>>;

/** A record is hostile: it may cost no more than this. */
const ANSWERS_MOST = 32;
const APPLICATION = /^[a-z0-9][a-z0-9_-]{0,23}$/;
const NAME = /^[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?$/;
const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/** What an EVE record, or `alert.names` of passive-dns, says about addresses. Pure; never throws. */
export function sightingsOf(record: Fields): Sighting[] {
  const kind = record['event_type'];
  if (typeof kind !== 'string') return namesOfAlert(record);
  const seen = new Map<string, Sighting>();
  const at = (value: unknown, spokenOf = false): Sighting | undefined => {
    const address = assetAddress(value);
    if (address === undefined) return undefined;
    const one = seen.get(address) ?? { address, spokenOf, names: [] };
    one.spokenOf &&= spokenOf;
    seen.set(address, one);
    return one;
  };
  const ends = [at(record['src_ip']), at(record['dest_ip'])];
  if (kind === 'alert') for (const end of ends) if (end !== undefined) end.alert = severityOf(record);
  const server = serverOf(record, kind);
  if (server !== undefined) {
    const end = at(server.address);
    if (end !== undefined && server.service !== undefined) end.service = server.service;
    const said = nameSaid(record, kind);
    if (end !== undefined && said !== undefined) addName(end, said.name, said.from);
  }
  if (kind === 'smb')
    addName(at(record['src_ip']), fieldsOf(fieldsOf(record['smb'])['ntlmssp'])['host'], 'smb');
  if (kind === 'dhcp') takeDhcp(fieldsOf(record['dhcp']), at);
  if (kind === 'dns') takeDns(fieldsOf(record['dns']), at);
  return [...seen.values()];
}

/** Networks inside of an organisation (RFC 1918, 6598, 3927, 4193, 4291). @param hex see addressHex */
export function isPrivate(hex: string): boolean {
  if (hex.length === 32) return /^f[cd]/.test(hex) || /^fe[89ab]/.test(hex);
  const value = Number.parseInt(hex, 16);
  const within = (network: number, bits: number): boolean => Math.floor(value / 2 ** (32 - bits)) === network;
  return within(10, 8) || within(0xac1, 12) || within(0xc0a8, 16) || within(0x191, 10) || within(0xa9fe, 16);
}

/** Hex of an address that one host can have; undefined for groups, broadcasts, loopback and what is no address. */
function assetAddress(value: unknown): string | undefined {
  const hex = typeof value === 'string' ? addressHex(value) : undefined;
  if (hex === undefined) return undefined;
  if (hex.length === 32) return /^ff/.test(hex) || /^0{31}[01]$/.test(hex) ? undefined : hex;
  const first = Number.parseInt(hex.slice(0, 2), 16);
  return first === 0 || first === 127 || first >= 224 ? undefined : hex;
}

/** Which end serves, and as what. A service counts only when it answered: what somebody merely knocked at is none. */
function serverOf(
  record: Fields,
  kind: string,
): { address: unknown; service?: NonNullable<Sighting['service']> } | undefined {
  const flow = fieldsOf(record['flow']);
  const isReply = record['direction'] === 'to_client' || (kind === 'dns' && record['src_port'] === 53);
  const [address, port] =
    typeof flow['dest_ip'] === 'string'
      ? [flow['dest_ip'], flow['dest_port']]
      : isReply
        ? [record['src_ip'], record['src_port']]
        : [record['dest_ip'], record['dest_port']];
  const proto = record['proto'];
  const protocol = typeof proto === 'string' ? proto.toLowerCase() : '';
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) return { address };
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return { address };
  const answered = Number(flow['pkts_toclient']) > 0 || (isReply && kind !== 'flow') || SPOKEN.has(kind);
  if (!answered) return { address };
  const told = record['app_proto'];
  const named = typeof told === 'string' && told !== 'failed' ? told : SPOKEN.has(kind) ? kind : '';
  return { address, service: { port, protocol, application: APPLICATION.test(named) ? named : '' } };
}

/** Kinds of record that are only there when both ends spoke a protocol. */
const SPOKEN: ReadonlySet<string> = new Set([
  ...[
    'http',
    'tls',
    'ssh',
    'smb',
    'smtp',
    'ftp',
    'rdp',
    'rfb',
    'krb5',
    'nfs',
    'pgsql',
    'mqtt',
    'modbus',
    'dnp3',
  ],
]);

/** By which name a client asked for a server: the client's word. */
function nameSaid(record: Fields, kind: string): { name: unknown; from: NameSource } | undefined {
  if (kind === 'tls') return { name: fieldsOf(record['tls'])['sni'], from: 'tls' };
  if (kind === 'quic') return { name: fieldsOf(record['quic'])['sni'], from: 'tls' };
  if (kind === 'http') return { name: fieldsOf(record['http'])['hostname'], from: 'http' };
  return undefined;
}

type At = (value: unknown, spokenOf?: boolean) => Sighting | undefined;

function takeDhcp(dhcp: Fields, at: At): void {
  const given = [dhcp['assigned_ip'], dhcp['client_ip'], dhcp['requested_ip']];
  const address = given.find((value) => assetAddress(value) !== undefined);
  const client = at(address);
  if (client === undefined) return;
  addName(client, dhcp['hostname'], 'dhcp');
  const mac = dhcp['client_mac'];
  if (typeof mac === 'string' && MAC.test(mac.toLowerCase())) client.mac = mac.toLowerCase();
}

/** Addresses of names, and names of addresses (`PTR`). Only answers say something. */
function takeDns(dns: Fields, at: At): void {
  const answers = Array.isArray(dns['answers']) ? (dns['answers'] as unknown[]) : [];
  // What was asked for stands before the aliases that lead to the address.
  const asked = dns['rrname'];
  for (const answer of answers.slice(0, ANSWERS_MOST)) {
    const { rrname, rrtype, rdata } = fieldsOf(answer) as {
      rrname?: unknown;
      rrtype?: unknown;
      rdata?: unknown;
    };
    if (rrtype === 'A' || rrtype === 'AAAA') {
      const end = at(rdata, true);
      addName(end, rrname, 'dns');
      addName(end, asked, 'dns');
    } else if (rrtype === 'PTR' && typeof rrname === 'string')
      addName(at(addressOfPtr(rrname), true), rdata, 'dns');
  }
}

/** The address behind a name of the reverse tree (RFC 1035 §3.5, RFC 3596 §2.5). */
export function addressOfPtr(name: string): string | undefined {
  const lower = normalName(name);
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(lower);
  if (v4 !== null) return v4.slice(1).reverse().join('.');
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(lower)?.[1];
  if (v6 === undefined) return undefined;
  return v6.split('.').reverse().join('').match(/.{4}/g)?.join(':');
}

/** `alert.names` of passive-dns: `{ src_ip: [{ rrname }], dest_ip: … }`; the addresses themselves stand in the alert only. */
function namesOfAlert(record: Fields): Sighting[] {
  return ['src_ip', 'dest_ip'].flatMap((field) => {
    const list = record[field];
    if (!Array.isArray(list)) return [];
    return (list as unknown[]).slice(0, ANSWERS_MOST).flatMap((entry): Sighting[] => {
      const { rrname, rdata } = fieldsOf(entry) as { rrname?: unknown; rdata?: unknown };
      const address = assetAddress(rdata);
      if (address === undefined) return [];
      const sighting: Sighting = { address, spokenOf: true, names: [] };
      addName(sighting, rrname, 'dns');
      return sighting.names.length === 0 ? [] : [sighting];
    });
  });
}

function addName(sighting: Sighting | undefined, value: unknown, from: NameSource): void {
  if (sighting === undefined || typeof value !== 'string' || value.length > 254) return;
  const name = normalName(value);
  // An address as its own name says nothing; neither does what no host is called.
  if (!NAME.test(name) || addressHex(name) !== undefined) return;
  if (sighting.names.some((known) => known.name === name && known.from === from)) return;
  if (sighting.names.length < 8) sighting.names.push({ name, from });
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
