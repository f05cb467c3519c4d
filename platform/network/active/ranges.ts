import { isIPv4 } from 'node:net';

/** IPv4 addresses from `first` to `last`, both included, as numbers. */
export interface Range {
  first: number;
  last: number;
}

/** What a destination list names, resolved: where to, by which protocol, to which ports. */
export interface Destination {
  /** `any`, an IPv4 address, an IPv4 network or a DNS name. */
  to: string;
  protocol: 'tcp' | 'udp';
  ports: readonly number[];
  /** Private, loopback, link-local and metadata addresses may be reached through it. */
  privateAddresses: boolean;
}

/** Never a destination, whatever was granted: this host, loopback, multicast, reserved, broadcast (RFC 6890). */
const NEVER: readonly Range[] = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3'].map(network);

/**
 * Only where a grant says so: special-purpose IPv4 networks that are not the public Internet (IANA registry, RFC 6890). The
 * metadata services of clouds lie in 169.254.0.0/16, 100.64.0.0/10, 168.63.129.16 and 192.0.0.192.
 */
const NOT_PUBLIC: readonly Range[] = [
  ...NEVER,
  ...[
    '10.0.0.0/8',
    '100.64.0.0/10',
    '168.63.129.16/32',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.88.99.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
  ].map(network),
];

const EVERYTHING: Range = { first: 0, last: 0xffff_ffff };

/** An IPv4 address as a number. */
export function addressNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** A number as an IPv4 address. */
export function addressText(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

/** The range of `192.0.2.0/24` or of a single address. */
export function network(text: string): Range {
  const [address = '', length = '32'] = text.split('/');
  const size = 2 ** (32 - Number(length));
  const first = Math.floor(addressNumber(address) / size) * size;
  return { first, last: first + size - 1 };
}

/** True when an address may be reached only where a grant has `privateAddresses` or names it. */
export function isNotPublic(address: string): boolean {
  const value = addressNumber(address);
  return NOT_PUBLIC.some(({ first, last }) => first <= value && value <= last);
}

/** True for addresses that no grant opens. */
export function isNever(address: string): boolean {
  const value = addressNumber(address);
  return NEVER.some(({ first, last }) => first <= value && value <= last);
}

/** Sorted, disjoint and not adjacent. */
export function merged(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = result.at(-1);
    if (before !== undefined && range.first <= before.last + 1)
      result[result.length - 1] = { first: before.first, last: Math.max(before.last, range.last) };
    else result.push(range);
  }
  return result;
}

/** What of `ranges` lies in none of `holes`. */
export function without(ranges: readonly Range[], holes: readonly Range[]): Range[] {
  return merged(holes).reduce(
    (left, hole) =>
      left.flatMap(({ first, last }) => {
        if (hole.last < first || last < hole.first) return [{ first, last }];
        const before = first < hole.first ? [{ first, last: hole.first - 1 }] : [];
        return hole.last < last ? [...before, { first: hole.last + 1, last }] : before;
      }),
    merged(ranges),
  );
}

/**
 * The addresses that one destination opens. A network that lies in a private one as a whole was named on purpose; of a wider
 * one, and of `any`, only the public part counts, unless the grant has `privateAddresses`.
 * @param addressesOf what a DNS name stands for now
 */
function rangesOf(one: Destination, addressesOf: (name: string) => readonly string[]): Range[] {
  const named = namedRange(one.to);
  const wanted =
    named !== undefined
      ? [named]
      : addressesOf(one.to)
          .filter((address) => one.privateAddresses || !isNotPublic(address))
          .map(network);
  const explicit =
    named !== undefined &&
    one.to !== 'any' &&
    NOT_PUBLIC.some(({ first, last }) => first <= named.first && named.last <= last);
  return without(wanted, one.privateAddresses || explicit ? NEVER : NOT_PUBLIC);
}

/** The range that a destination names itself; undefined for a DNS name, empty (`last < first`) for IPv6, which is not carried. */
function namedRange(to: string): Range | undefined {
  if (to === 'any') return EVERYTHING;
  if (to.includes(':')) return { first: 1, last: 0 };
  return isIPv4(to) || to.includes('/') ? network(to) : undefined;
}

/** True when a destination is a DNS name. */
export function isName(to: string): boolean {
  return namedRange(to) === undefined;
}

/**
 * The elements of the nftables set of allowed destinations, `address . protocol . port`: disjoint, sorted, so that equal
 * destinations give equal text.
 * @param hostAddresses addresses of this machine, which no instrument reaches
 */
export function allowedElements(
  destinations: readonly Destination[],
  addressesOf: (name: string) => readonly string[],
  hostAddresses: readonly string[],
): string[] {
  const byService = new Map<string, Range[]>();
  for (const one of destinations) {
    const ranges = rangesOf(one, addressesOf).filter(({ first, last }) => first <= last);
    for (const port of one.ports) {
      const service = `${one.protocol} . ${String(port)}`;
      byService.set(service, [...(byService.get(service) ?? []), ...ranges]);
    }
  }
  const hosts = hostAddresses.filter((address) => isIPv4(address)).map(network);
  return [...byService]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([service, ranges]) =>
      without(ranges, hosts).map(({ first, last }) =>
        first === last
          ? `${addressText(first)} . ${service}`
          : `${addressText(first)}-${addressText(last)} . ${service}`,
      ),
    );
}
