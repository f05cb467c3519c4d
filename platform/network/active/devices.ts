import { BulkheadError, linkName, run, type Logger, type Site } from '../../kernel/index.ts';
import { gatherDeviceFacts, judgeDevice } from '../device-check.ts';
import { findLink, isUp, linkDown, listLinks, setIpv6Disabled, type Link } from '../links.ts';
import { deleteTable, loadRules } from '../nft.ts';
import { loadProven } from './proof.ts';
import { deviceTable, listRecords, type ActivePortWanted, type ProvenTable } from './record.ts';
import { bridgeText, nicText, trunkText } from './rules.ts';

/** Settings of our ports of a bridge: apart from each other, nothing learned from them, no spanning tree, no flood. */
const PORT_SETTINGS = Object.freeze({
  isolated: true,
  learning: false,
  flood: false,
  mcast_flood: false,
  bcast_flood: true,
  guard: true,
  root_block: true,
  hairpin: false,
});

/**
 * Checks the machine's device of an active interface; changes nothing.
 * @param monitors devices of monitor interfaces
 * @throws BulkheadError NETWORK_ACTIVE_REFUSED
 */
export async function checkActiveDevice(
  wanted: Pick<ActivePortWanted, 'kind' | 'device' | 'vlan'>,
  monitors: readonly string[],
): Promise<Link> {
  const { device } = wanted;
  const links = await listLinks();
  const link = links.find((one) => one.ifname === device);
  if (monitors.includes(device)) throw refused(device, 'is a monitor interface, which never transmits');
  if (link === undefined) throw refused(device, 'does not exist');
  if (wanted.kind === 'bridged') {
    const reason = bridgeFault(link);
    if (reason !== undefined) throw refused(device, reason);
    if (wanted.vlan !== undefined && link.linkinfo?.info_data?.['vlan_filtering'] !== 1)
      throw refused(device, 'does not filter VLANs (`ip link set … type bridge vlan_filtering 1`)');
    return link;
  }
  if (link.linkinfo?.info_kind === 'bridge')
    throw refused(device, 'is a bridge; an active interface of kind `bridged` uses it');
  const verdict = judgeDevice(device, await gatherDeviceFacts(device, false));
  if (!verdict.ok) throw refused(device, verdict.reason.replace(`${device} `, ''));
  return link;
}

/** Why a bridge cannot carry instruments: through an address of its own the host would be on their network. (ABUSE 115) */
export function bridgeFault(link: Link): string | undefined {
  if (link.linkinfo?.info_kind !== 'bridge') return 'is not a bridge';
  const address = link.addr_info.find(({ local }) => local !== undefined)?.local;
  if (address !== undefined)
    return `has the address ${address}, so the host would be reachable by instruments through it`;
  return link.flags.includes('UP') ? undefined : 'is down';
}

/** The device that frames leave by: the network interface itself, or its VLAN, made here. */
export async function viaOf(
  at: Site,
  wanted: Pick<ActivePortWanted, 'kind' | 'device' | 'vlan'>,
): Promise<string> {
  const { device, vlan } = wanted;
  if (wanted.kind === 'bridged' || vlan === undefined) return device;
  const name = linkName(at, 'v', `${device}/${String(vlan)}`);
  if ((await findLink(name)) !== undefined) return name;
  const made = await run(
    'ip',
    ['link', 'add', 'link', device, 'name', name, 'type', 'vlan', 'id', String(vlan)],
    { allowFailure: true },
  );
  if (made.exitCode !== 0) throw vlanMissing(device, vlan, made.stderr.trim());
  return name;
}

/**
 * Puts the rules of a network interface in place while it is down, then raises it: the host neither hears nor says anything
 * through it. With a VLAN, its parent passes only VLANs of ours.
 */
export async function guardNic(
  at: Site,
  wanted: ActivePortWanted,
  via: string,
  hostEnd: string,
  log: Logger,
): Promise<ProvenTable[]> {
  const proven: ProvenTable[] = [];
  if (via !== wanted.device) {
    const others = (await listRecords(at)).filter(({ device }) => device === wanted.device);
    const vlans = [...new Set([...others.map(({ vlan }) => vlan), wanted.vlan])];
    const trunk = await placeOf(deviceTable(at, 'trunk', wanted.device), wanted.device);
    const ids = vlans.flatMap((id) => (id === undefined ? [] : [id])).sort((a, b) => a - b);
    if (others.length === 0) await silence(wanted.device, log);
    const rules = trunkText({ ...trunk, vlans: ids });
    await loadRules(rules); // shared by all VLANs of the device, so no record of one of them can prove it
    await run('ip', ['link', 'set', 'dev', wanted.device, 'up']);
  }
  const place = await placeOf(deviceTable(at, 'nic', via), via);
  await linkDown(via);
  proven.push(await loadProven(nicText({ ...place, forwardTo: hostEnd }), place));
  await silence(via, log);
  await run('ip', ['link', 'set', 'dev', via, 'up']);
  return proven;
}

async function placeOf(table: string, device: string) {
  return { table, device, ifindex: (await findLink(device))?.ifindex ?? -1 };
}

/** What a device says or merges by itself is switched off; its rules stand already. */
async function silence(device: string, log: Logger): Promise<void> {
  await setIpv6Disabled(device, true);
  await run('ip', ['link', 'set', 'dev', device, 'addrgenmode', 'none'], { allowFailure: true });
  // Merged on receipt, a frame may be too large to be sent on as it is.
  for (const feature of ['lro', 'rx-gro-hw', 'gro']) {
    const { exitCode } = await run('ethtool', ['-K', device, feature, 'off'], { allowFailure: true });
    if (exitCode !== 0) log.debug({ device, feature }, 'the offload cannot be switched off');
  }
}

/** Rules of the bridge itself, and the host end as a port of it; the link is still down. */
export async function joinBridge(
  at: Site,
  wanted: ActivePortWanted,
  hostEnd: string,
  mac: string,
): Promise<ProvenTable[]> {
  const place = await placeOf(deviceTable(at, 'bridge', wanted.device), wanted.device);
  const proven = await loadProven(bridgeText(place), place);
  await run('ip', ['link', 'set', 'dev', hostEnd, 'master', wanted.device]);
  const settings = Object.entries(PORT_SETTINGS).flatMap(([key, on]) => [key, on ? 'on' : 'off']);
  await run('bridge', ['link', 'set', 'dev', hostEnd, ...settings]);
  // Instead of learning, which an instrument could abuse to draw others' frames to itself.
  await run('bridge', ['fdb', 'replace', mac, 'dev', hostEnd, 'master', 'static']);
  if (wanted.vlan !== undefined) {
    const vid = String(wanted.vlan);
    await run('bridge', ['vlan', 'del', 'dev', hostEnd, 'vid', '1'], { allowFailure: true });
    const set = ['vlan', 'add', 'dev', hostEnd, 'vid', vid, 'pvid', 'untagged'];
    const { exitCode, stderr } = await run('bridge', set, { allowFailure: true });
    if (exitCode !== 0) throw vlanMissing(wanted.device, wanted.vlan, stderr.trim());
  }
  return [proven];
}

/** What is wrong with a host end as a port of its bridge, in words. */
export function bridgePortFaults(hostEnd: Link, bridge: Link | undefined): string[] {
  if (bridge === undefined) return ['its bridge is gone'];
  const reason = bridgeFault(bridge);
  const settings = hostEnd.linkinfo?.info_slave_data ?? {};
  return [
    ...(reason === undefined ? [] : [`the bridge ${bridge.ifname} ${reason}`]),
    ...(hostEnd.master === bridge.ifname ? [] : [`it is no port of ${bridge.ifname} any more`]),
    ...Object.entries(PORT_SETTINGS)
      .filter(([key, on]) => settings[key] !== on)
      .map(([key, on]) => `the port setting ${key} is not ${on ? 'on' : 'off'} any more`),
  ];
}

/** Gives a network interface back: down first, so that it says nothing when its rules go. It stays down. */
export async function releaseNic(at: Site, device: string, via: string): Promise<void> {
  await linkDown(via);
  const link = await findLink(via);
  if (link !== undefined && isUp(link)) return; // it cannot be taken down: its rules stay
  await deleteTable(deviceTable(at, 'nic', via));
  if (via === device) return;
  await run('ip', ['link', 'delete', 'dev', via], { allowFailure: true });
  if ((await listRecords(at)).some((record) => record.device === device)) return;
  await linkDown(device);
  await deleteTable(deviceTable(at, 'trunk', device));
}

function refused(device: string, reason: string): BulkheadError {
  return new BulkheadError({
    code: 'NETWORK_ACTIVE_REFUSED',
    message: `${device} cannot be an active interface: it ${reason.replace(/^it /, '')}.`,
    hint: 'Use a network interface that the host itself does not need, or a bridge without an address; nothing was changed.',
    fields: { device },
  });
}

function vlanMissing(device: string, vlan: number, cause: string): BulkheadError {
  return new BulkheadError({
    code: 'NETWORK_VLAN_MISSING',
    message: `This kernel cannot carry VLAN ${String(vlan)} of ${device}: ${cause || 'no reason given'}.`,
    hint: 'Use a kernel with CONFIG_VLAN_8021Q and CONFIG_BRIDGE_VLAN_FILTERING (all of Debian’s have them), or leave `vlan` out.',
    fields: { device, vlan },
  });
}
