import { isIP, isIPv4, SocketAddress } from 'node:net';

/** An address in the one form in which it is kept (RFC 5952 for IPv6), or undefined when it is none. Zones are refused. */
export function normalAddress(text: string): string | undefined {
  if (text.length > 45 || isIP(text) === 0 || text.includes('%')) return undefined;
  if (isIPv4(text)) return text;
  return new SocketAddress({ address: text, family: 'ipv6' }).address;
}

/** The name under which an address stands in the reverse tree (RFC 1035 §3.5, RFC 3596 §2.5). */
export function pointerName(address: string): string {
  if (isIPv4(address)) return `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  const [head = '', tail] = address.split('::');
  const groups = (part: string): string[] =>
    part === ''
      ? []
      : part.split(':').flatMap((group) => {
          if (!group.includes('.')) return [group];
          const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
          return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
        });
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - before.length - after.length }, () => '0');
  const digits = [...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join('');
  return `${digits.split('').reverse().join('.')}.ip6.arpa`;
}
