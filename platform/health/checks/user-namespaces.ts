import { exists, readOptional } from '../machine-files.ts';
import type { HealthCheck } from '../types.ts';

/** Every instrument's root is nobody on the host: that is a user namespace. */
export const userNamespaces: HealthCheck = {
  code: 'user-namespaces',
  title: 'User namespaces',
  async run() {
    if (!(await exists('/proc/self/ns/user'))) {
      return {
        severity: 'error',
        text: 'The kernel has no user namespaces, so no container can be unprivileged.',
        hint: "Use a kernel with CONFIG_USER_NS (all of Debian's have it).",
      };
    }
    const limit = Number((await readOptional('/proc/sys/user/max_user_namespaces')) ?? '1');
    if (limit > 0) return { severity: 'ok', text: 'Available.' };
    return {
      severity: 'error',
      text: 'User namespaces are switched off (user.max_user_namespaces = 0), so no container can start.',
      hint: 'Set user.max_user_namespaces to 1024 or more with sysctl.',
    };
  },
};
