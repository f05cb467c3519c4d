import { readOptional } from '../machine-files.ts';
import type { HealthCheck } from '../types.ts';

export const seccomp: HealthCheck = {
  code: 'seccomp',
  title: 'System call filter',
  async run() {
    const actions = (await readOptional('/proc/sys/kernel/seccomp/actions_avail'))?.split(/\s+/) ?? [];
    if (actions.includes('errno') && actions.includes('kill_process')) {
      return { severity: 'ok', text: 'seccomp filters are available.' };
    }
    return {
      severity: 'error',
      text: 'The kernel has no seccomp filters: a container could use every system call of the host.',
      hint: 'Use a kernel with CONFIG_SECCOMP_FILTER.',
    };
  },
};
