import { exists } from '../machine-files.ts';
import type { HealthCheck } from '../types.ts';

/** Volumes are loop-mounted image files. */
export const loopDevices: HealthCheck = {
  code: 'loop',
  title: 'Loop devices',
  async run() {
    if (await exists('/dev/loop-control')) return { severity: 'ok', text: 'Available.' };
    return {
      severity: 'error',
      text: 'There is no /dev/loop-control, so the encrypted volumes of instruments cannot be mounted.',
      hint: 'Load the module: modprobe loop.',
    };
  },
};
