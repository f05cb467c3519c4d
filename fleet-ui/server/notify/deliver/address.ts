import { lookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { BulkheadError } from '@bulkhead/platform/kernel';

/** Where services answer for the machine alone (a cloud's metadata): nobody's mail server or collector is there. */
const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');

/** @param host a name (never link-local by itself) or an address, with brackets or without */
export function isLinkLocal(host: string): boolean {
  const address = host.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const kind = isIP(address);
  return kind !== 0 && LINK_LOCAL.check(address, kind === 4 ? 'ipv4' : 'ipv6');
}

/** Looks a name up as the machine does, and leaves link-local addresses out: a name is no way around the rule. */
export const guardedLookup: LookupFunction = (host, options, found) => {
  lookup(host, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const allowed = error === null ? addresses.filter(({ address }) => !isLinkLocal(address)) : [];
    const [first] = allowed;
    if (error !== null) found(error, '', 0);
    else if (first === undefined) {
      const refused: NodeJS.ErrnoException = new Error(`${host} has no address that may be used`);
      found(refused, '', 0);
    } else if (options.all === true) found(null, allowed);
    else found(null, first.address, first.family);
  });
};

export function addressRefused(host: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_NOTIFY_ADDRESS_REFUSED',
    message: `${host.slice(0, 253)} is a link-local address.`,
    fields: { pointer: '/body/target/host' },
  });
}
