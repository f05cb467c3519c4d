import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `NETWORK_`. */
export const NETWORK_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  NETWORK_DEVICE_REFUSED: {
    title: 'A device cannot be a monitor interface.',
    hint: 'Choose a device that only receives mirrored traffic: no address, no default route, no session over it.',
  },
  NETWORK_MONITOR_UNKNOWN: {
    title: 'A monitor interface is named that is not attached.',
    hint: 'Attach it first; `bulkhead status` lists those that are.',
  },
  NETWORK_GUARD_UNPROVEN: {
    title: 'The rule that keeps a link from transmitting does not stand, so the link stays down.',
    hint: 'Look for a program that flushes nftables; `bulkhead doctor` checks the kernel features.',
  },
  NETWORK_BPF_MISSING: {
    title: 'The compiled packet program is not there.',
    hint: 'Run scripts/setup and scripts/build, which compile it with gcc-bpf.',
  },
  NETWORK_FILTERS_TOO_MANY: {
    title: 'Instruments on one monitor interface declare more distinct filters than can be evaluated.',
    hint: 'At most 8 distinct filters per monitor interface; give some instruments the same filter, or `all`.',
  },
  NETWORK_PORTS_TOO_MANY: {
    title: 'One monitor interface has more mirror ports than can be served.',
    hint: 'At most 64 mirror ports per monitor interface.',
  },
  NETWORK_FANOUT_FAILED: {
    title: 'The fan-out to the mirror ports could not be installed.',
    hint: 'What stood before still runs. Read the cause; `bulkhead doctor` checks the kernel features.',
  },
  NETWORK_ACTIVE_REFUSED: {
    title: 'A device cannot be an active interface.',
    hint: 'Use a network interface that the host itself does not need, or a bridge without an address.',
  },
  NETWORK_VLAN_MISSING: {
    title: 'This kernel cannot carry a VLAN of an active interface.',
    hint: 'Use a kernel with CONFIG_VLAN_8021Q and CONFIG_BRIDGE_VLAN_FILTERING, or leave `vlan` out.',
  },
  NETWORK_NAME_REFUSED: {
    title: 'An instrument asks for the addresses of a name that is none of its destinations.',
    hint: 'Grant it the name as an egress destination; `bulkhead network active` shows what it may reach.',
  },
  NETWORK_NAME_UNRESOLVED: {
    title: 'The name of a granted destination has no address that may be reached.',
    hint: 'Check the name and the DNS servers (`dns.servers`); private addresses need `privateAddresses` in the grant.',
  },
  NETWORK_INJECT_REFUSED: {
    title: 'A frame is not a detection check, so it is not injected.',
    hint: 'Only an untagged IPv4 UDP frame between the addresses of the detection check is let through.',
  },
});
