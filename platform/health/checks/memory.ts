import { readOptional } from '../machine-files.ts';
import type { HealthCheck } from '../types.ts';

const NEEDED_MIB = 1_024;
const WISHED_MIB = 3_072;

export const memory: HealthCheck = {
  code: 'memory',
  title: 'Memory',
  async run() {
    const text = (await readOptional('/proc/meminfo')) ?? '';
    const mib = (field: string) =>
      Math.floor(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024);
    const [total, available] = [mib('MemTotal'), mib('MemAvailable')];
    const found = `${String(total)} MiB, ${String(available)} MiB of it available.`;
    if (total < NEEDED_MIB) {
      return {
        severity: 'error',
        text: `${found} An IDS does not fit into this.`,
        hint: `Give the machine at least ${String(WISHED_MIB)} MiB.`,
      };
    }
    if (total < WISHED_MIB) {
      return {
        severity: 'warning',
        text: `${found} That is little for an IDS with a full rule set.`,
        hint: `${String(WISHED_MIB)} MiB or more is comfortable; lower the memory limits of instruments otherwise.`,
      };
    }
    return { severity: 'ok', text: found };
  },
};
