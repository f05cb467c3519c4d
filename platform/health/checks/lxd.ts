import { request } from 'node:http';
import { exists } from '../machine-files.ts';
import type { Finding, HealthCheck } from '../types.ts';
import { isInstalled } from './programs.ts';

/** Debian's LXD, the snap, Incus. */
const SOCKETS = [
  '/var/lib/lxd/unix.socket',
  '/var/snap/lxd/common/lxd/unix.socket',
  '/var/lib/incus/unix.socket',
] as const;
const MAX_ANSWER_BYTES = 1 << 20;

export const lxd: HealthCheck = {
  code: 'lxd',
  title: 'LXD',
  async run({ site }, signal): Promise<Finding> {
    const candidates = site.lxdSocket === undefined ? SOCKETS : [site.lxdSocket];
    for (const socket of candidates) {
      if (!(await exists(socket))) continue;
      try {
        const { server, version } = await ask(socket, signal);
        return { severity: 'ok', text: `${server} ${version} answers on ${socket}.` };
      } catch (error) {
        return {
          severity: 'warning',
          text: `${socket} is there, but nothing answers on it (${error instanceof Error ? error.message : String(error)}).`,
          hint: 'The sensor starts LXD by itself; if that fails, read /var/log/lxd/lxd.log.',
        };
      }
    }
    if ((await isInstalled('lxd')) || (await isInstalled('incusd'))) {
      return { severity: 'info', text: 'LXD is installed and not running; the sensor starts it.' };
    }
    return {
      severity: 'error',
      text: 'LXD is not installed, so no instrument can run.',
      hint: 'Run scripts/setup, or: apt-get install lxd.',
    };
  },
};

/** GET /1.0 of the REST API. */
async function ask(socketPath: string, signal: AbortSignal): Promise<{ server: string; version: string }> {
  const text = await new Promise<string>((resolve, reject) => {
    const asked = request({ socketPath, path: '/1.0', signal, timeout: 3_000 }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > MAX_ANSWER_BYTES) asked.destroy(new Error('its answer is too long'));
      });
      answer.on('end', () => {
        resolve(body);
      });
      answer.on('error', reject);
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer within 3 s')));
    asked.on('error', reject);
    asked.end();
  });
  const environment = (JSON.parse(text) as { metadata?: { environment?: Record<string, unknown> } }).metadata
    ?.environment;
  const word = (value: unknown, otherwise: string) => (typeof value === 'string' ? value : otherwise);
  return {
    server: word(environment?.['server'], 'lxd').toUpperCase(),
    version: word(environment?.['server_version'], 'of unknown version'),
  };
}
