import type { HealthCheck } from '../types.ts';

const MAJOR = 20;
const MINOR = 19;

export const nodeVersion: HealthCheck = {
  code: 'node',
  title: 'Node.js',
  run() {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    const enough = major > MAJOR || (major === MAJOR && minor >= MINOR);
    return Promise.resolve(
      enough
        ? { severity: 'ok', text: `Node.js ${process.versions.node}.` }
        : {
            severity: 'error',
            text: `Node.js ${process.versions.node} is too old; ${String(MAJOR)}.${String(MINOR)} or newer is needed.`,
            hint: 'Install nodejs of Debian 13, or run scripts/setup.',
          },
    );
  },
};
