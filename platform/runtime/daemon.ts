import { spawn } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { findSocket, isLxdError, KNOWN_SOCKETS, openLxd } from '@bulkhead/node-lxd';
import { BulkheadError, describeError, run, waitFor, type Logger, type Site } from '../kernel/index.ts';
import { ID_FILES } from './id-ranges.ts';
import { ensureSubIds } from './sub-ids.ts';

const READY_WITHIN_MS = 60_000;

/** The daemon that answers. */
export interface LxdDaemon {
  socket: string;
  version: string;
  /** True when this call started it. */
  started: boolean;
}

/**
 * Makes sure that an LXD daemon answers: the one that runs, else the systemd unit where systemd is PID 1, else
 * `lxd` itself, detached, so that it outlives us. Call it again when the daemon was lost.
 *
 * A site with a socket outside the known places gets a daemon of its own, with its data beside that socket.
 * @throws BulkheadError RUNTIME_LXD_MISSING, RUNTIME_LXD_FAILED, RUNTIME_CGROUPS_MISSING
 */
export async function ensureLxdDaemon(parts: { site: Site; log: Logger }): Promise<LxdDaemon> {
  const { site, log } = parts;
  const running = await answering(site.lxdSocket);
  if (running !== undefined) return { ...running, started: false };

  const socket = site.lxdSocket ?? KNOWN_SOCKETS[0] ?? '';
  const ownDirectory = site.lxdSocket !== undefined && !KNOWN_SOCKETS.includes(site.lxdSocket);
  await ensureSubIds(ID_FILES, log);
  if (!ownDirectory && (await exists('/run/systemd/system'))) {
    // The unit of the package knows cgroup delegation, limits and order better than we do.
    await run('systemctl', ['start', await unitOf(socket)], { timeoutMs: READY_WITHIN_MS });
  } else {
    await startDetached(socket, ownDirectory, log);
  }
  const found = await ready(socket);
  log.info({ socket, version: found.version }, 'LXD daemon started');
  return { ...found, started: true };
}

async function ready(socket: string): Promise<{ socket: string; version: string }> {
  let last: unknown;
  try {
    return await waitFor('the LXD daemon', READY_WITHIN_MS, async () => {
      try {
        return await versionAt(socket);
      } catch (error) {
        last = error;
        return undefined;
      }
    });
  } catch {
    throw new BulkheadError({
      code: 'RUNTIME_LXD_FAILED',
      message: `The LXD daemon did not become ready at ${socket}: ${describeError(last)}`,
      hint: 'Read its log: /var/log/lxd/lxd.log, or `journalctl -u lxd` where systemd runs.',
      fields: { socket },
    });
  }
}

/** The daemon at the site's socket or in a known place, if one answers. A socket may be left over from a dead one. */
async function answering(
  socket: string | undefined,
): Promise<{ socket: string; version: string } | undefined> {
  try {
    return await versionAt(socket ?? (await findSocket()));
  } catch (error) {
    if (isLxdError(error, 'LXD_SOCKET_NOT_FOUND', 'LXD_UNREACHABLE')) return undefined;
    throw error;
  }
}

async function versionAt(socket: string): Promise<{ socket: string; version: string }> {
  const lxd = await openLxd({ socket });
  try {
    return { socket, version: (await lxd.server({ timeoutMs: 10_000 })).environment.server_version };
  } finally {
    await lxd.close();
  }
}

async function unitOf(socket: string): Promise<string> {
  if (socket.startsWith('/var/snap/')) return 'snap.lxd.daemon.service';
  if (socket.includes('/incus/')) return 'incus.service';
  const known = await run('systemctl', ['list-unit-files', '--no-legend', 'lxd.service', 'incus.service']);
  return known.stdout.includes('lxd.service') || !known.stdout.includes('incus.service')
    ? 'lxd.service'
    : 'incus.service';
}

async function startDetached(socket: string, ownDirectory: boolean, log: Logger): Promise<void> {
  if (!(await exists('/sys/fs/cgroup/cgroup.controllers')) && !(await exists('/sys/fs/cgroup/memory'))) {
    throw new BulkheadError({
      code: 'RUNTIME_CGROUPS_MISSING',
      message: 'No control groups are mounted below /sys/fs/cgroup: containers could not be limited.',
      hint: 'Mount them: mount -t cgroup2 none /sys/fs/cgroup',
    });
  }
  const program = '/usr/bin/lxd';
  if (!(await exists(program)) && !(await exists('/usr/sbin/lxd'))) {
    throw new BulkheadError({
      code: 'RUNTIME_LXD_MISSING',
      message: 'LXD is not installed: there is no /usr/bin/lxd.',
      hint: 'Run scripts/setup, or apt-get install lxd.',
    });
  }
  const folder = dirname(socket);
  const logFile = ownDirectory ? `${folder}/lxd.log` : '/var/log/lxd/lxd.log';
  await mkdir(folder, { recursive: true, mode: 0o711 });
  await mkdir(dirname(logFile), { recursive: true, mode: 0o700 });
  const child = spawn(
    (await exists(program)) ? program : '/usr/sbin/lxd',
    ['--group', 'lxd', '--logfile', logFile],
    {
      detached: true,
      stdio: 'ignore',
      cwd: '/',
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: '/root',
        LANG: 'C',
        ...(ownDirectory ? { LXD_DIR: folder } : {}),
      },
    },
  );
  child.on('error', (error) => {
    log.error({ err: error }, 'the LXD daemon could not be started');
  });
  child.unref();
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
