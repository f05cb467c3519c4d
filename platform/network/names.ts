import { tableName, type LinkRole, type Site } from '../kernel/index.ts';

/** Role and hash of a link of this site; undefined for a device that is not ours. */
export function parseLinkName(at: Site, name: string): { role: LinkRole; hash: string } | undefined {
  const match = new RegExp(`^${at.prefix}([iIoOmckjaAv])-([0-9a-f]{8})$`).exec(name);
  return match === null ? undefined : { role: match[1] as LinkRole, hash: match[2] ?? '' };
}

/** The nftables table that guards a host end of ours. */
export function tableOfLink(at: Site, link: string): string {
  return tableName(at, link.slice(at.prefix.length));
}

/** Roles of the ends that stay in the host's namespace and must be guarded while they are up. */
export const HOST_END_ROLES: readonly LinkRole[] = ['i', 'o', 'm', 'k', 'j'];

/** What a mirror port's links are named after. */
export function portKey(instrument: string, port: string): string {
  return `${instrument}/${port}`;
}
