import { BulkheadError, run, type Logger } from '../kernel/index.ts';
import { guardFaults, guardText, type Guard } from './guard-rules.ts';
import {
  deleteLink,
  findLink,
  ipBatch,
  isUp,
  linkDown,
  listLinks,
  setIpv6Disabled,
  type Link,
} from './links.ts';
import { deleteTable, listTables, loadRules } from './nft.ts';

/** Takes jumbo frames (9,216) with up to four tags; a mirror of less would lose what a SPAN may carry. */
export const INTERNAL_MTU = 9232;

/** A veth pair: `host` stays here under guard, `container` is moved into a container by LXD. */
export interface Pair {
  host: string;
  container: string;
  /** nftables table that guards the host end. */
  table: string;
}

export interface PairState {
  /** False: it stood already, guarded, and was left alone. */
  created: boolean;
  host: Link;
}

/**
 * Makes the pair, guards its host end, proves the guard, and only then raises it. An intact pair is left as it is, so that
 * a running container is not interrupted. A pair whose guard is broken goes down first and is guarded again.
 * @throws BulkheadError NETWORK_GUARD_UNPROVEN: the link exists and is down.
 */
export async function ensurePair(pair: Pair, log: Logger): Promise<PairState> {
  let host = await findLink(pair.host);
  const created = host === undefined;
  if (host === undefined) {
    // Leftovers of a pair whose container died: the table may still name the old incarnation.
    await deleteLink(pair.container);
    await ipBatch([
      `link add ${pair.host} mtu ${String(INTERNAL_MTU)} type veth peer name ${pair.container} mtu ${String(INTERNAL_MTU)}`,
      `link set dev ${pair.host} addrgenmode none`,
      `link set dev ${pair.container} addrgenmode none`,
      `link set dev ${pair.host} arp off`,
    ]);
    await Promise.all([offloadsOff(pair.host, log), offloadsOff(pair.container, log)]);
    host = await findLink(pair.host);
    if (host === undefined) throw unproven(pair.host, ['it vanished while it was made']);
  }
  await prepareContainerEnd(pair);
  const guard: Guard = { kind: 'host-end', table: pair.table, device: pair.host, ifindex: host.ifindex };
  const standing = guardFaults(guard, (await listTables()).get(pair.table), host.ifindex);
  if (standing.length > 0) {
    if (isUp(host)) {
      log.warn({ link: pair.host, faults: standing }, 'guard was broken; link taken down');
      await linkDown(pair.host);
    }
    await loadRules(guardText(guard));
    const faults = guardFaults(
      guard,
      (await listTables()).get(pair.table),
      (await findLink(pair.host))?.ifindex,
    );
    if (faults.length > 0) throw unproven(pair.host, faults);
  }
  if (standing.length > 0 || !isUp(host)) {
    await setIpv6Disabled(pair.host, true);
    await run('ip', ['link', 'set', 'dev', pair.host, 'up']);
    host = (await findLink(pair.host)) ?? host;
  }
  return { created, host };
}

/** While the container end lies in the host's namespace (before start, after stop) it must stay silent, too. */
async function prepareContainerEnd(pair: Pair): Promise<void> {
  const end = (await listLinks()).find((link) => link.ifname === pair.container);
  if (end === undefined) return;
  await setIpv6Disabled(pair.container, true);
  if (end.mtu !== INTERNAL_MTU) {
    await run('ip', ['link', 'set', 'dev', pair.container, 'mtu', String(INTERNAL_MTU)]);
  }
}

/**
 * Packets must be seen as they were on the wire: no checksum left to be filled in, no segments merged.
 * A feature that the driver cannot change is left (veth can change all of these).
 */
export async function offloadsOff(link: string, log: Logger): Promise<void> {
  const result = await run('ethtool', ['-K', link, 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off'], {
    allowFailure: true,
  });
  if (result.exitCode !== 0)
    log.warn({ link, stderr: result.stderr.trim() }, 'offloads could not be switched off');
}

/** Takes the pair away, link first and rule last: there is no moment with a link up and no rule. */
export async function removePair(pair: Pick<Pair, 'host' | 'table'>): Promise<void> {
  await linkDown(pair.host);
  await deleteLink(pair.host);
  await deleteTable(pair.table);
}

export function unproven(device: string, faults: readonly string[]): BulkheadError {
  return new BulkheadError({
    code: 'NETWORK_GUARD_UNPROVEN',
    message: `The guard of ${device} does not stand, so it stays down: ${faults.join('; ')}.`,
    hint: 'Look for a program that flushes nftables; `bulkhead doctor` checks the kernel features.',
    fields: { device },
  });
}
