import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openLog, run, site, type Site } from '@bulkhead/platform/kernel';
import { openStorage, type Storage } from '@bulkhead/platform/storage';

/** Host ids such as LXD allots to an unprivileged container. */
export const IDS = { ownerId: 1_001_000, containerRootId: 1_000_000 };

/** A site of its own on the machine's disk, and everything that must go away after a test. */
export class StorageSite {
  readonly dir: string;
  readonly site: Site;
  readonly #open: Storage[] = [];
  readonly #children: ChildProcess[] = [];

  private constructor(dir: string, stateDir: string) {
    this.dir = dir;
    this.site = site({
      prefix: 'bs1',
      stateDir,
      runDir: join(dir, 'run'),
      cacheDir: join(dir, 'cache'),
      lxdProject: 'bulkhead-test-storage',
    });
  }

  /** Not below /tmp, which may be in memory: the tests want a disk. */
  static async make(stateDir?: (dir: string) => Promise<string>): Promise<StorageSite> {
    const dir = await mkdtemp('/var/tmp/bulkhead-storage-');
    return new StorageSite(dir, stateDir === undefined ? join(dir, 'state') : await stateDir(dir));
  }

  async open(keyFile?: string): Promise<Storage> {
    const storage = await openStorage({ site: this.site, log: openLog('storage', 'silent'), keyFile });
    this.#open.push(storage);
    return storage;
  }

  image(name: string): string {
    return join(this.site.stateDir, 'volumes', `${name}.img`);
  }

  mount(name: string): string {
    return join(this.site.stateDir, 'mounts', name);
  }

  key(name: string): string {
    return join(this.site.stateDir, 'keys', `volume-${name}.json`);
  }

  /** A process in a user and mount namespace of its own that has the folder mounted, as a container has. */
  async container(path: string): Promise<{ end(): Promise<void> }> {
    const child = spawn(
      'unshare',
      [
        '--user',
        '--map-root-user',
        '--mount',
        'sh',
        '-c',
        'mount --bind "$1" /mnt && echo ready && exec sleep 600',
        'sh',
        path,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#children.push(child);
    await once(child.stdout, 'data');
    return { end: async () => endChild(child) };
  }

  /** A process of the host that got a copy of all mounts, as `ip netns exec` and sandboxed services make them. */
  async bystander(): Promise<{ pid: number; end(): Promise<void> }> {
    const child = spawn('unshare', ['--mount', 'sh', '-c', 'echo ready && exec sleep 600'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    await once(child.stdout, 'data');
    return { pid: child.pid ?? 0, end: async () => endChild(child) };
  }

  /**
   * Mounts and loop devices that still belong to this site. Other programs of the machine may have got copies of all
   * mounts (`unshare --mount`, `ip netns exec`) and so hold a loop device for a while: those are not counted.
   */
  async leftovers(): Promise<string[]> {
    const mine = (text: string) => text.split('\n').filter((line) => line.includes(this.dir));
    const mounts = mine(await readFile('/proc/self/mountinfo', 'utf8'));
    const { stdout } = await run('losetup', ['--list', '--noheadings', '-O', 'MAJ:MIN,BACK-FILE']);
    const loops: string[] = [];
    for (const line of mine(stdout)) {
      const device = ` ${line.trim().split(/\s+/)[0] ?? ''} `;
      const holders = await run('grep', ['-lsF', '--', device, ...(await mountTables())], {
        allowFailure: true,
      });
      const { stdout: now } = await run('losetup', ['--list', '--noheadings', '-O', 'BACK-FILE']);
      if (holders.stdout === '' && mine(now).length > 0) loops.push(line);
    }
    return [...mounts, ...loops];
  }

  async clean(): Promise<void> {
    for (const child of this.#children) await endChild(child);
    for (const storage of this.#open) await storage.close();
    const text = await readFile('/proc/self/mountinfo', 'utf8');
    const targets = text.split('\n').flatMap((line) => line.split(' ')[4] ?? []);
    for (const target of targets.filter((path) => path.startsWith(this.dir)).reverse()) {
      await run('umount', ['-l', target], { allowFailure: true });
    }
    await run('rm', ['-rf', '--', this.dir]);
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** The mount table of every process. */
async function mountTables(): Promise<string[]> {
  return (await readdir('/proc')).filter((pid) => /^\d+$/.test(pid)).map((pid) => `/proc/${pid}/mountinfo`);
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Does the file contain the bytes anywhere? Reads all of it. */
export async function fileContains(path: string, marker: string): Promise<boolean> {
  const { exitCode } = await run('grep', ['-c', '-a', '-F', '--', marker, path], {
    allowFailure: true,
    timeoutMs: 120_000,
  });
  return exitCode === 0;
}
