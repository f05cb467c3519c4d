import { run } from '../../kernel/index.ts';
import { exists } from '../machine-files.ts';
import type { Finding, HealthCheck } from '../types.ts';

/** Offloads that merge received packets: an IDS then sees segments that were never on the wire. */
const MERGING = ['generic-receive-offload', 'large-receive-offload', 'rx-gro-hw'] as const;

export const offloads: HealthCheck = {
  code: 'offloads',
  title: 'Offloads of monitor interfaces',
  async run({ monitorDevices = [] }, signal) {
    if (monitorDevices.length === 0) return { severity: 'info', text: 'No monitor interface is configured.' };
    const findings: Finding[] = [];
    for (const device of monitorDevices) findings.push(await look(device, signal));
    return findings;
  },
};

async function look(device: string, signal: AbortSignal): Promise<Finding> {
  const title = `Offloads of ${device}`;
  if (!(await exists(`/sys/class/net/${device}`))) {
    return {
      title,
      severity: 'error',
      text: `There is no network device ${device}.`,
      hint: 'Correct the device in the configuration, or plug it in.',
    };
  }
  const { stdout } = await run('ethtool', ['-k', device], { signal, timeoutMs: 4_000 });
  const on = activeMerging(stdout);
  if (on.length === 0) return { title, severity: 'ok', text: 'No offload merges received packets.' };
  return {
    title,
    severity: 'warning',
    text: `${on.join(', ')} merge received packets: tools see segments larger than the wire carried.`,
    hint: `The sensor switches them off when it attaches the interface; if they stay on: ethtool -K ${device} gro off lro off.`,
  };
}

/** Names of merging offloads that `ethtool -k` shows as on (a fixed one cannot be changed, and still merges). */
export function activeMerging(text: string): string[] {
  return MERGING.filter((name) => new RegExp(`^\\s*${name}: on\\b`, 'm').test(text));
}
