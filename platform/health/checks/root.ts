import type { HealthCheck } from '../types.ts';

/** sensord is the one privileged program: mounts, links, rules and LXD need root. */
export const root: HealthCheck = {
  code: 'root',
  title: 'Rights',
  run() {
    if (process.geteuid?.() === 0) return Promise.resolve({ severity: 'ok', text: 'Running as root.' });
    return Promise.resolve({
      severity: 'error',
      text: 'Not running as root: the sensor cannot mount volumes, guard interfaces or talk to LXD, and some findings below may be incomplete.',
      hint: 'Run it with sudo.',
    });
  },
};
