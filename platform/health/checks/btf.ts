import { exists } from '../machine-files.ts';
import type { HealthCheck } from '../types.ts';

export const btf: HealthCheck = {
  code: 'btf',
  title: 'Kernel type information',
  async run() {
    if (await exists('/sys/kernel/btf/vmlinux')) return { severity: 'ok', text: 'BTF is available.' };
    return {
      severity: 'info',
      text: 'The kernel has no BTF (CONFIG_DEBUG_INFO_BTF). The packet program does not need it; bpftool shows less about it.',
    };
  },
};
