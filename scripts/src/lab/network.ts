import { run, type Reverter } from '@bulkhead/platform/kernel';
import {
  addNamespace,
  ipBatch,
  linkCounters,
  quietHostEnd,
  receiveInOrder,
  removeLink,
  removeNamespace,
  setInNamespace,
  turnOffloadsOff,
} from './namespace.ts';
import { ADDRESSES, type LabHost, type LabLayout } from './layout.ts';

/** The link of each machine in its own namespace, and the inner end of the SPAN link. */
export const HOST_LINK = 'lan0';
const BRIDGE = 'sw0';
const SPAN_LINK = 'span0';
const MANAGEMENT_LINK = 'mgmt0';

/** Makes the namespaces, the switch, and its SPAN port. Nothing but the SPAN's outer end is in the host's namespace. */
export async function makeLabNetwork(layout: LabLayout, undo: Reverter): Promise<void> {
  const namespaces = labNamespaces(layout);
  for (const namespace of namespaces) {
    undo.add(`namespace ${namespace}`, () => removeNamespace(namespace));
  }
  await Promise.all(namespaces.map(addNamespace));
  await makeSwitch(layout);
  undo.add('SPAN link', () => removeLink(layout.monitorDevice));
  await makeSpan(layout);
  undo.add('management link', () => removeLink(layout.management.hostEnd));
  await Promise.all([
    ...layout.hosts.map((host) => connectHost(layout, host)),
    makeManagement(layout.management),
  ]);
}

/** Every namespace of a lab. */
export function labNamespaces(layout: LabLayout): string[] {
  return [layout.switchNamespace, ...layout.hosts.map((host) => host.namespace), layout.management.namespace];
}

/** The link over which rules are fetched: its host end is for an active interface, and is left down. */
async function makeManagement({ namespace, hostEnd }: LabLayout['management']): Promise<void> {
  await ipBatch(undefined, [`link add ${hostEnd} type veth peer name ${MANAGEMENT_LINK} netns ${namespace}`]);
  await quietHostEnd(hostEnd);
  await turnOffloadsOff(namespace, MANAGEMENT_LINK);
  await setInNamespace(namespace, 'net.ipv4.ip_unprivileged_port_start', '0');
  await ipBatch(namespace, [
    `addr add ${ADDRESSES.source.ip4}/24 dev ${MANAGEMENT_LINK}`,
    `link set ${MANAGEMENT_LINK} up`,
  ]);
}

async function makeSwitch({ switchNamespace: ns, hosts }: LabLayout): Promise<void> {
  // The switch itself must say nothing: no multicast reports of its own, no spanning tree, no queries.
  await setInNamespace(ns, 'net.ipv6.conf.default.disable_ipv6', '1');
  await ipBatch(ns, [`link add ${BRIDGE} type bridge stp_state 0 mcast_snooping 0 forward_delay 0`]);
  // Firewall hooks of the kernel on bridged frames (often on by default) drop what an attacker sends on purpose.
  await Promise.all(
    ['iptables', 'ip6tables', 'arptables'].map((hook) =>
      run('ip', ['netns', 'exec', ns, 'tee', `/proc/sys/net/bridge/bridge-nf-call-${hook}`], {
        input: '0',
        allowFailure: true, // absent without br_netfilter, and then nothing to turn off
      }),
    ),
  );
  await ipBatch(ns, [
    `link set ${BRIDGE} up`,
    ...hosts.flatMap((host) => [
      `link add ${memberPort(host)} type veth peer name ${HOST_LINK} address ${host.mac} netns ${host.namespace}`,
      `link set ${memberPort(host)} master ${BRIDGE}`,
    ]),
  ]);
  await Promise.all(
    hosts.flatMap((host) => [turnOffloadsOff(ns, memberPort(host)), receiveInOrder(ns, memberPort(host))]),
  );
}

/** Copies what each member port receives to the SPAN link: each frame enters the switch once, so it is copied once. */
async function makeSpan({ switchNamespace: ns, hosts, monitorDevice }: LabLayout): Promise<void> {
  await ipBatch(undefined, [`link add ${monitorDevice} type veth peer name ${SPAN_LINK} netns ${ns}`]);
  await quietHostEnd(monitorDevice);
  await turnOffloadsOff(ns, SPAN_LINK);
  await ipBatch(ns, [`link set ${SPAN_LINK} arp off`, `link set ${SPAN_LINK} up`]);
  const rules = hosts.map(memberPort).flatMap((port) => [
    `qdisc add dev ${port} clsact`,
    // u32 that matches everything: not every kernel has the matchall classifier.
    `filter add dev ${port} ingress protocol all pref 1 u32 match u32 0 0 action mirred egress mirror dev ${SPAN_LINK}`,
  ]);
  await run('tc', ['-netns', ns, '-batch', '-'], { input: `${rules.join('\n')}\n` });
  await ipBatch(
    ns,
    hosts.map((host) => `link set ${memberPort(host)} up`),
  );
}

async function connectHost(layout: LabLayout, host: LabHost): Promise<void> {
  const ns = host.namespace;
  await Promise.all([
    turnOffloadsOff(ns, HOST_LINK),
    setInNamespace(ns, `net.ipv6.conf.${HOST_LINK}.accept_ra`, '0'),
    // The lab's programs run without any right of root, so low ports must be free for all in here.
    setInNamespace(ns, 'net.ipv4.ip_unprivileged_port_start', '0'),
  ]);
  await ipBatch(ns, [
    // nodad: an address can be used at once instead of after a second of duplicate detection.
    ...host.addresses.map(
      (address) => `addr add ${address} dev ${HOST_LINK}${address.includes(':') ? ' nodad' : ''}`,
    ),
    `link set ${HOST_LINK} up`,
    ...host.onLink.map((range) => `route add ${range} dev ${HOST_LINK}`),
  ]);
}

function memberPort(host: LabHost): string {
  return `p-${host.role}`;
}

/** Frames that entered the switch, and frames that its SPAN port passed on or had to drop. */
export interface SpanCounters {
  entered: number;
  mirrored: number;
  dropped: number;
}

export async function spanCounters(layout: LabLayout): Promise<SpanCounters> {
  const ns = layout.switchNamespace;
  // SPAN first: what enters between the two looks may only make `entered` larger.
  const span = await linkCounters(ns, SPAN_LINK);
  const members = await Promise.all(layout.hosts.map((host) => linkCounters(ns, memberPort(host))));
  return {
    entered: members.reduce((total, member) => total + member.rxPackets, 0),
    mirrored: span.txPackets,
    dropped: span.txDropped,
  };
}
