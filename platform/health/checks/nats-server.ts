import { run, sitePaths } from '../../kernel/index.ts';
import { exists } from '../machine-files.ts';
import type { Finding, HealthCheck } from '../types.ts';
import { isInstalled } from './programs.ts';

const MAJOR = 2;
const MINOR = 12;

/** Older servers leak subjects past a deny and cannot force each message to disk. */
export const natsServer: HealthCheck = {
  code: 'nats-server',
  title: 'nats-server',
  async run({ site }, signal): Promise<Finding> {
    const own = sitePaths(site).natsServer;
    const program = (await exists(own))
      ? own
      : (await isInstalled('nats-server'))
        ? 'nats-server'
        : undefined;
    if (program === undefined) {
      return {
        severity: 'error',
        text: `There is no nats-server (looked for ${own} and on the path).`,
        hint: 'Run scripts/setup: it gets a recent one from Debian.',
      };
    }
    const { stdout } = await run(program, ['--version'], { signal, timeoutMs: 4_000 });
    const version = /v?(\d+)\.(\d+)\.(\d+)/.exec(stdout);
    const [major, minor] = [Number(version?.[1] ?? 0), Number(version?.[2] ?? 0)];
    if (major > MAJOR || (major === MAJOR && minor >= MINOR)) {
      return { severity: 'ok', text: `nats-server ${version?.[0] ?? ''} (${program}).` };
    }
    return {
      severity: 'error',
      text: `nats-server ${version?.[0] ?? 'of unknown version'} (${program}) is too old; ${String(MAJOR)}.${String(MINOR)} or newer is needed.`,
      hint: 'Run scripts/setup: it gets a recent one from Debian beside the installed one.',
    };
  },
};
