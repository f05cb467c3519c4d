import { readOptional } from '../machine-files.ts';
import type { HealthCheck } from '../types.ts';

/** The limits of an instrument: memory, processor time, processes. */
const NEEDED = ['cpu', 'memory', 'pids'] as const;

export const cgroupControllers: HealthCheck = {
  code: 'cgroup',
  title: 'Resource limits',
  async run() {
    const unified = await readOptional('/sys/fs/cgroup/cgroup.controllers');
    const available = unified === undefined ? await legacyControllers() : unified.trim().split(/\s+/);
    const missing = NEEDED.filter((name) => !available.includes(name));
    const layout = unified === undefined ? 'cgroup v1' : 'cgroup v2';
    if (missing.length === 0) {
      return { severity: 'ok', text: `${layout} with controllers ${NEEDED.join(', ')}.` };
    }
    return {
      severity: 'error',
      text: `The cgroup controllers ${missing.join(', ')} are not available (${layout}): one instrument could take the machine from the others.`,
      hint: 'Boot without cgroup_disable=, and on small boards with cgroup_enable=memory.',
    };
  },
};

/** /proc/cgroups: name, hierarchy, number of groups, enabled (cgroups(7)). */
async function legacyControllers(): Promise<string[]> {
  const text = (await readOptional('/proc/cgroups')) ?? '';
  return text.split('\n').flatMap((line) => {
    const [name = '', , , enabled] = line.split(/\s+/);
    return enabled === '1' ? [name] : [];
  });
}
