import { readOptional } from '../machine-files.ts';
import type { HealthCheck } from '../types.ts';

export const bridgeNetfilter: HealthCheck = {
  code: 'bridge-netfilter',
  title: 'Bridge netfilter',
  async run() {
    const value = (await readOptional('/proc/sys/net/bridge/bridge-nf-call-iptables'))?.trim();
    if (value !== '1') return { severity: 'ok', text: value === undefined ? 'Not loaded.' : 'Switched off.' };
    return {
      severity: 'info',
      text:
        'net.bridge.bridge-nf-call-iptables is 1: bridges of this host drop frames with a bad IP checksum. The sensor mirrors without bridges and is not ' +
        'touched by it; a monitor interface behind a bridge of this host would not see such frames.',
      hint: 'If you feed the sensor through a bridge: sysctl net.bridge.bridge-nf-call-iptables=0.',
    };
  },
};
