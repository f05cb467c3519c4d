import { BlockList, isIP, isIPv4, SocketAddress } from 'node:net';

/** Addresses and networks that single addresses are compared with. */
export class AddressSet {
  readonly #list = new BlockList();

  /** @param members validated addresses and networks */
  constructor(members: readonly string[]) {
    for (const member of members) {
      const [address = '', length] = member.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (length === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(length), family);
    }
  }

  has(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }
}

/** An address in the one form in which it is kept (RFC 5952 for IPv6), or undefined when it is none. Zones are refused. */
export function normalAddress(text: string): string | undefined {
  if (text.length > 45 || isIP(text) === 0 || text.includes('%')) return undefined;
  if (isIPv4(text)) return text;
  return new SocketAddress({ address: text, family: 'ipv6' }).address;
}
