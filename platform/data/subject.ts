import { isIP, isIPv4, SocketAddress } from 'node:net';
import { BulkheadError, ipv6Groups } from '../kernel/index.ts';

/** Whose data: an address, or a name (of a host or of a user). In normal form, see {@link parseSubject}. */
export type DataSubject = { readonly address: string } | { readonly name: string };

const MAX_NAME = 255;

/**
 * What an operator typed, in normal form: IPv4, IPv6 as RFC 5952 writes it, names in lower case without a dot at the end.
 * @throws BulkheadError DATA_SUBJECT_INVALID
 */
export function parseSubject(text: string): DataSubject {
  const bare = text.trim();
  if (bare.length <= 45 && isIP(bare) !== 0 && !bare.includes('%')) return { address: normalAddress(bare) };
  const name = bare.toLowerCase().replace(/\.$/, '');
  if (name.length > 0 && name.length <= MAX_NAME && /^[^\s\p{C}]+$/u.test(name)) return { name };
  throw new BulkheadError({
    code: 'DATA_SUBJECT_INVALID',
    message: `${JSON.stringify(bare.slice(0, 60))} is neither an address nor a name.`,
    hint: 'Give an IPv4 or IPv6 address, or a name of 1-255 characters without white space.',
  });
}

/** The subject as it was typed, near enough. */
export function subjectText(subject: DataSubject): string {
  return 'address' in subject ? subject.address : subject.name;
}

/** RFC 5952; an IPv4 address in an IPv6 one (`::ffff:192.0.2.1`) is the IPv4 address. */
export function normalAddress(address: string): string {
  if (isIPv4(address)) return address;
  const short = new SocketAddress({ address, family: 'ipv6' }).address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(short)?.[1];
  return mapped ?? short;
}

/** Every way in which tools write the address: Suricata prints all eight groups of IPv6 in full. */
export function spellings(subject: DataSubject): string[] {
  if ('name' in subject) return [subject.name];
  if (isIPv4(subject.address)) return [subject.address];
  const groups = ipv6Groups(subject.address);
  return [
    ...new Set([
      subject.address,
      groups.map((group) => group.padStart(4, '0')).join(':'),
      groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':'),
    ]),
  ];
}
