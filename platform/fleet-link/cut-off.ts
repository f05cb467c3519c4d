import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { readdir } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { BulkheadError } from '../kernel/index.ts';
import type { Endpoint } from './endpoint.ts';

const MAX_DEPTH = 8;

/**
 * The network interfaces that lead to a place, as the kernel routes now: the one with the address, and what it stands on (the
 * ports of a bridge or bond, the device below a VLAN). Nothing is sent.
 * @returns an empty set when there is no way at all.
 */
export async function devicesTowards(to: Endpoint, sysDir = '/sys/class/net'): Promise<ReadonlySet<string>> {
  const local = await localAddressTowards(to).catch(() => undefined);
  if (local === undefined) return new Set();
  const device = Object.entries(networkInterfaces()).find(([, addresses]) =>
    addresses?.some(({ address }) => address === local),
  )?.[0];
  const found = new Set<string>();
  if (device !== undefined) await addWithLower(device, sysDir, found, 0);
  return found;
}

/** @throws BulkheadError FLEET_LINK_CONFIG_CUTS_OFF when a device that instruments or monitoring would get leads to the fleet. */
export function refuseCutOff(taken: readonly string[], towards: ReadonlySet<string>): void {
  // A VLAN of that device (`eth0.10`) leaves the device itself as it is.
  const device = taken.find((name) => towards.has(name));
  if (device === undefined) return;
  throw new BulkheadError({
    code: 'FLEET_LINK_CONFIG_CUTS_OFF',
    message: `The configuration would take ${device}, through which this sensor reaches its fleet.`,
    hint: 'Use another interface for monitoring or for instruments; nothing was changed.',
    fields: { device },
  });
}

/** What a document would take of the machine beside what the platform made. */
export interface Claims {
  /** Network devices, for monitoring and for instruments. */
  devices: readonly string[];
  /** Files of the machine that instruments or the platform would read, each with who. */
  files: readonly string[];
}

/**
 * Which of its files instruments may read is said at the sensor: whoever holds the fleet could otherwise have any file of any
 * sensor copied to an instrument, and read it there.
 * @throws BulkheadError FLEET_LINK_CONFIG_FILES when `next` names one that `present` does not.
 */
export function refuseFiles(next: Claims, present: Claims | undefined): void {
  const file = next.files.find((one) => present?.files.includes(one) !== true);
  if (file === undefined) return;
  throw new BulkheadError({
    code: 'FLEET_LINK_CONFIG_FILES',
    message: `The configuration names a file of the sensor that it did not name before: ${file}.`,
    hint: 'Name the file at the sensor once (`bulkhead config apply`), or deliver it over the bus.',
    fields: { file },
  });
}

/** All that is asked of a document of the fleet before it is tried. @throws BulkheadError of {@link refuseFiles}, {@link refuseCutOff}, `claimsOf` */
export async function checkClaims(
  document: string,
  { claimsOf, config }: { claimsOf: (document: string) => Claims; config: () => string | undefined },
  fleet: Endpoint,
): Promise<void> {
  const claims = claimsOf(document);
  const present = config();
  refuseFiles(claims, present === undefined ? undefined : claimsOf(present));
  refuseCutOff(claims.devices, await devicesTowards(fleet));
}

async function localAddressTowards({ host, port }: Endpoint): Promise<string> {
  const { address, family } = await lookup(host);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  try {
    // A datagram socket that is connected has asked the routing table, and no more.
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(port, address, resolve);
    });
    return socket.address().address;
  } finally {
    socket.close();
  }
}

async function addWithLower(
  device: string,
  sysDir: string,
  found: Set<string>,
  depth: number,
): Promise<void> {
  if (found.has(device) || depth > MAX_DEPTH) return;
  found.add(device);
  const entries = await readdir(join(sysDir, device)).catch(() => []);
  for (const entry of entries) {
    if (entry.startsWith('lower_')) await addWithLower(entry.slice(6), sysDir, found, depth + 1);
  }
}
