import { kernelOption } from '../machine-files.ts';
import type { Finding, HealthCheck, PacketPathFacts } from '../types.ts';

interface Need {
  title: string;
  /** What the sensor cannot do without it. */
  without: string;
  option: `CONFIG_${string}`;
  severity: 'error' | 'warning' | 'info';
}

const NEEDS: Readonly<Record<keyof PacketPathFacts, Need>> = {
  veth: {
    title: 'Pairs of links',
    without: 'no mirror port can be made',
    option: 'CONFIG_VETH',
    severity: 'error',
  },
  nftIngress: {
    title: 'nftables at ingress',
    without: 'a mirror port could send, and no packet can be forwarded to the capture engine',
    option: 'CONFIG_NETFILTER_INGRESS',
    severity: 'error',
  },
  nftEgress: {
    title: 'nftables at egress',
    without: 'a monitor interface could transmit',
    option: 'CONFIG_NETFILTER_EGRESS',
    severity: 'error',
  },
  nftActive: {
    title: 'nftables for active interfaces',
    without: 'no instrument can send to the destinations that it was granted',
    option: 'CONFIG_NFT_FWD_NETDEV',
    severity: 'warning',
  },
  bridge: {
    title: 'Bridges',
    without: 'no active interface of kind `bridged` can be made',
    option: 'CONFIG_BRIDGE',
    severity: 'warning',
  },
  vlan: {
    title: 'VLANs',
    without: 'no active interface can have a `vlan`',
    option: 'CONFIG_VLAN_8021Q',
    severity: 'info',
  },
  tcMirred: {
    title: 'tc mirred',
    without: 'the detection check cannot be injected, so a blind sensor is not noticed',
    option: 'CONFIG_NET_ACT_MIRRED',
    severity: 'error',
  },
  bpffs: {
    title: 'BPF filesystem',
    without: 'the fan-out cannot be kept over a restart',
    option: 'CONFIG_BPF_SYSCALL',
    severity: 'error',
  },
  xdpFanout: {
    title: 'XDP fan-out',
    without: 'packets cannot be copied to several instruments',
    option: 'CONFIG_BPF_SYSCALL',
    severity: 'error',
  },
};

/** Tries the packet path in a network namespace of its own; where that is not possible yet, reads the kernel's configuration. */
export const packetPath: HealthCheck = {
  code: 'packet-path',
  title: 'Packet path',
  async run({ probePacketPath }) {
    const facts = await probePacketPath?.();
    const findings: Finding[] = [];
    for (const [key, need] of Object.entries(NEEDS) as [keyof PacketPathFacts, Need][]) {
      const fault = facts?.[key];
      if (facts !== undefined && fault === undefined) continue;
      const notYet = fault === undefined || /KERNEL_COMMAND_MISSING|ENOENT|No such file/.test(fault);
      findings.push(notYet ? await fromConfiguration(need) : failed(need, fault));
    }
    const bad = findings.filter(({ severity }) => severity !== 'ok');
    // Without VLANs everything else works.
    if (bad.some(({ title }) => title !== NEEDS.vlan.title)) return bad;
    const how = facts === undefined ? 'The kernel is built with' : 'Tried in a network namespace:';
    const text = `${how} veth, nftables ingress and egress, bridges, tc mirred, BPF and XDP.`;
    return bad.length === 0 ? { severity: 'ok', text } : [{ severity: 'ok', text }, ...bad];
  },
};

function failed(need: Need, fault: string): Finding {
  return {
    title: need.title,
    severity: need.severity,
    text: `Does not work: ${need.without}. ${fault}`,
    hint: `Use a kernel with ${need.option}; inside a container or a restricted VM the host must allow it.`,
  };
}

async function fromConfiguration(need: Need): Promise<Finding> {
  const option = await kernelOption(need.option);
  if (option === 'y' || option === 'm')
    return { title: need.title, severity: 'ok', text: `${need.option}=${option}.` };
  if (option === 'unknown') {
    return {
      title: need.title,
      severity: 'info',
      text: 'Cannot be tried before the tools are installed.',
      hint: 'Run scripts/setup, then look again.',
    };
  }
  return {
    title: need.title,
    severity: need.severity,
    text: `The kernel is built without ${need.option}: ${need.without}.`,
    hint: `Use a kernel with ${need.option} (all of Debian's have it).`,
  };
}
