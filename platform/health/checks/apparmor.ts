import { readOptional } from '../machine-files.ts';
import type { HealthCheck } from '../types.ts';

/** A second wall behind the user namespace. The sensor runs without it, and says so. */
export const apparmor: HealthCheck = {
  code: 'apparmor',
  title: 'AppArmor',
  async run() {
    const enabled = (await readOptional('/sys/module/apparmor/parameters/enabled'))?.trim();
    if (enabled === 'Y')
      return { severity: 'ok', text: 'Enabled; LXD confines each container with a profile.' };
    return {
      severity: 'warning',
      text:
        `AppArmor is ${enabled === undefined ? 'not in this kernel' : 'switched off'}. Containers are still held by user namespaces, seccomp, capabilities and ` +
        'read-only mounts, but the second wall is missing: a kernel fault that gets past those meets no path and mount rules.',
      hint: "Use a kernel with AppArmor (all of Debian's have it) and do not boot with apparmor=0.",
    };
  },
};
