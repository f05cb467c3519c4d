import { isIPv4, isIPv6 } from 'node:net';
import type { DownloadGrant, SensorConfig } from '../contracts/index.ts';
import type { Destination } from '../network/index.ts';
import type { DesiredInstrument } from './desired.ts';

/** What an instrument's destinations follow from. */
export interface EgressParts {
  instruments: readonly Pick<DesiredInstrument, 'name' | 'enabled' | 'rights'>[];
  proxy: SensorConfig['downloads']['proxy'];
}

/**
 * Where an instrument may send to: what it was granted, and, when it fetches downloads for others, the hosts of all that were
 * approved and the proxy. Pure; equal rights give equal lists.
 */
export function egressOf(
  { instruments, proxy }: EgressParts,
  instrument: Pick<DesiredInstrument, 'rights'>,
): Destination[] {
  const { egress, fetch } = instrument.rights;
  const granted = egress.map(({ to, protocol, ports, privateAddresses }) => ({
    to,
    protocol,
    ports,
    privateAddresses,
  }));
  if (!fetch) return granted;
  const downloads = instruments.flatMap(({ rights }) => rights.downloads).flatMap(hostsOf);
  const through: Destination[] =
    proxy === undefined
      ? []
      : [{ to: proxy.host, protocol: 'tcp', ports: [proxy.port], privateAddresses: proxy.privateAddress }];
  const unique = new Map([...granted, ...downloads, ...through].map((one) => [JSON.stringify(one), one]));
  return [...unique.values()];
}

/** The hosts of one download: of its address, its checksum's, and where it may be redirected to, by the ports that these use. */
function hostsOf(download: DownloadGrant): Destination[] {
  const { privateAddresses } = download;
  const urls = [download.url, ...(download.sha256Url === undefined ? [] : [download.sha256Url])].map(
    (text) => new URL(text),
  );
  const own = urls.map((url) => ({ to: hostOf(url), ports: [portOf(url)] }));
  const ports = [...new Set([...urls.map(portOf), 443])].sort((a, b) => a - b);
  const redirects = download.redirectHosts.map((to) => ({ to, ports }));
  return [...own, ...redirects].map(({ to, ports: reached }) => ({
    to,
    protocol: 'tcp' as const,
    ports: reached,
    privateAddresses,
  }));
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port);
}

/** What a name means to an instrument: whether any destination is that name, and whether its private addresses count. */
export function nameRight(
  destinations: readonly Destination[],
  name: string,
): { allowed: boolean; privateAddresses: boolean } {
  if (isIPv4(name) || isIPv6(name)) return { allowed: false, privateAddresses: false };
  const named = destinations.filter(({ to }) => to === name);
  const any = destinations.filter(({ to }) => to === 'any');
  return {
    allowed: named.length > 0 || any.length > 0,
    privateAddresses: [...named, ...any].some((one) => one.privateAddresses),
  };
}
