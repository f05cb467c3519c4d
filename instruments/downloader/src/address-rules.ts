import { BlockList, isIP } from 'node:net';
import { DownloadError } from './errors.ts';

/**
 * `private`: everything that is not plainly of the public Internet. `metadata`: where clouds give machines their secrets.
 * `never`: no host stands there.
 */
export type AddressKind = 'public' | 'private' | 'metadata' | 'never';

/** Unspecified, multicast and broadcast. */
const NEVER = listOf(['0.0.0.0', 8], ['224.0.0.0', 4], ['255.255.255.255', 32], ['::', 128], ['ff00::', 8]);

const METADATA = listOf(
  ['169.254.169.254', 32],
  ['169.254.170.2', 32],
  ['168.63.129.16', 32],
  ['192.0.0.192', 32],
  ['100.100.100.200', 32],
  ['fd00:ec2::254', 128],
  ['fd20:ce::254', 128],
);

/** IANA IPv4 Special-Purpose Address Registry (RFC 6890): what is not globally reachable. */
const PRIVATE_4 = listOf(
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['240.0.0.0', 4],
);

/** Global unicast (RFC 4291) is the one block of IPv6 that is public ... */
const PUBLIC_6 = listOf(['2000::', 3]);
/** ... but for protocol assignments with Teredo, documentation, and 6to4, which carries IPv4 addresses. */
const PRIVATE_6 = listOf(['2001::', 23], ['2001:db8::', 32], ['2002::', 16], ['3fff::', 20]);

/** What kind of address this is. IPv4 inside of IPv6 is judged by what it carries, and is never public. */
export function kindOf(address: string): AddressKind {
  const family = isIP(address);
  // A zone names a link of this very container.
  if (family === 0 || address.includes('%')) return 'never';
  if (family === 4) {
    if (NEVER.check(address)) return 'never';
    if (METADATA.check(address)) return 'metadata';
    return PRIVATE_4.check(address) ? 'private' : 'public';
  }
  const carried = carriedIpv4(address);
  if (carried !== undefined) {
    const kind = kindOf(carried);
    return kind === 'public' ? 'private' : kind;
  }
  if (NEVER.check(address, 'ipv6')) return 'never';
  if (METADATA.check(address, 'ipv6')) return 'metadata';
  return PUBLIC_6.check(address, 'ipv6') && !PRIVATE_6.check(address, 'ipv6') ? 'public' : 'private';
}

/** What the operator approved about the host that an address belongs to. */
export interface AddressApproval {
  privateAddresses: boolean;
  /** The operator wrote this very address; only then is one of a metadata service meant. */
  written: boolean;
}

/** Whether an address may be connected to. */
export function mayReach(address: string, { privateAddresses, written }: AddressApproval): boolean {
  const kind = kindOf(address);
  return kind === 'public' || (privateAddresses && (kind === 'private' || (kind === 'metadata' && written)));
}

/**
 * The addresses of a host that may be connected to, IPv4 first.
 * @throws DownloadError DOWNLOADER_ADDRESS_REFUSED when there is none
 */
export function reachable(host: string, addresses: readonly string[], approval: AddressApproval): string[] {
  const fit = [...new Set(addresses)].filter((address) => mayReach(address, approval));
  if (fit.length === 0) {
    const kinds = [...new Set(addresses.map(kindOf))].join(', ');
    throw new DownloadError(
      'DOWNLOADER_ADDRESS_REFUSED',
      addresses.length === 0
        ? `${host} has no address.`
        : `${host} has no address that may be reached (${kinds}); private ones must be approved for the download.`,
    );
  }
  return fit.sort((a, b) => isIP(a) - isIP(b)).slice(0, 4);
}

/** The IPv4 address inside of an IPv4-mapped or -compatible one, in whatever form it was written. */
function carriedIpv4(address: string): string | undefined {
  // The URL parser writes IPv6 in the one form of RFC 5952, without dots.
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const match = /^::(?:ffff:(?:0:)?)?([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text);
  if (match === null) return undefined;
  const [high, low] = [parseInt(match[1] ?? '', 16), parseInt(match[2] ?? '', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

function listOf(...networks: [address: string, bits: number][]): BlockList {
  const list = new BlockList();
  for (const [address, bits] of networks)
    list.addSubnet(address, bits, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return list;
}
