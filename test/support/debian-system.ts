import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, waitFor, type CommandResult } from '@bulkhead/platform/kernel';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Where `scripts/package` keeps the minimal systems that its bundle was resolved against. */
const SETS = '/var/cache/bulkhead/package';

export type Release = '12' | '13';

/**
 * A minimal Debian in a folder, with systemd as PID 1 in namespaces of its own and no network but `lo`. It has a network
 * card for the sensor: `mon7`, whose other end is `wire`; and a `sudo`, which a minimal system lacks and people type.
 */
export class DebianSystem {
  readonly tree: string;
  readonly #folder: string;
  #boot: ChildProcess | undefined;
  #init = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.tree = join(folder, 'tree');
  }

  /** Unpacked, not booted. */
  static async unpack(release: Release): Promise<DebianSystem> {
    const system = new DebianSystem(await mkdtemp('/var/tmp/bulkhead-install-'));
    const { tree } = system;
    try {
      await mkdir(join(tree, 'proof'), { recursive: true });
      const minimal = join(SETS, `debian-${release}`, 'minimal.tar.zst');
      await run('tar', ['--zstd', '-xf', minimal, '-C', tree], { timeoutMs: 120_000 });
      await writeFile(join(tree, 'usr/local/bin/sudo'), '#!/bin/sh\nexec "$@"\n');
      await chmod(join(tree, 'usr/local/bin/sudo'), 0o755);
      // As Debian's own installer does: this system is thrown away, so nothing in it need outlive a power cut.
      await writeFile(join(tree, 'etc/dpkg/dpkg.cfg.d/proof'), 'force-unsafe-io\n');
      const units = join(tree, 'etc/systemd/system');
      await writeFile(
        join(units, 'card.service'),
        `[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/ip link add mon7 type veth peer name wire
ExecStart=/bin/ip link set wire up
[Install]
WantedBy=sysinit.target
`,
      );
      return system;
    } catch (error) {
      await system.dispose();
      throw error;
    }
  }

  /** Puts a file there, at a path of the system. A reflink or hard link would do; the source may be on another disk. */
  async copy(source: string, path: string): Promise<void> {
    await mkdir(join(this.tree, path, '..'), { recursive: true });
    await run('cp', ['--reflink=auto', source, join(this.tree, path)], { timeoutMs: 120_000 });
  }

  /** Starts systemd and waits until it is done with starting. */
  async boot(): Promise<void> {
    const output = await open(join(this.#folder, 'console'), 'a');
    const child = spawn(
      join(ROOT, 'scripts/src/trees/boot-tree'),
      [
        ...['--systemd', '--offline', this.tree, PATH, 'TERM=dumb', 'HOME=/root', 'LANG=C.UTF-8'],
        ...['--', '/lib/systemd/systemd'],
      ],
      { stdio: ['ignore', output.fd, output.fd] },
    );
    await output.close();
    this.#boot = child;
    this.#init = await waitFor('PID 1 of the system', 30_000, async () => {
      if (child.exitCode !== null) throw new Error(`it did not boot: ${await this.console()}`);
      const [unshare] = await childrenOf(child.pid ?? 0);
      const [init] = unshare === undefined ? [] : await childrenOf(unshare);
      // Before it becomes systemd, that process is whatever prepares the namespaces.
      const name = await readFile(`/proc/${String(init ?? 0)}/comm`, 'utf8').catch(() => '');
      return name.trim() === 'systemd' ? init : undefined;
    });
    await waitFor('the system to be up', 120_000, async () => {
      const { stdout } = await this.run('systemctl is-system-running', { allowFailure: true });
      return ['running', 'degraded'].includes(stdout.trim());
    });
  }

  /** Runs a script in the system, in root's home, and fails when a command of it fails. */
  async run(
    script: string,
    options: { timeoutMs?: number; allowFailure?: boolean; input?: string } = {},
  ): Promise<CommandResult> {
    const inside = ['--mount', '--pid', '--net', '--uts', '--ipc', '--cgroup'];
    return run(
      'nsenter',
      [
        ...[`--target=${String(this.#init)}`, ...inside, '--wdns=/', '--', 'env', '-i', PATH, 'TERM=dumb'],
        ...['HOME=/root', 'LANG=C.UTF-8', 'bash', '--norc', '-euc', `cd /root\n${script}`],
      ],
      { timeoutMs: 240_000, maxOutputBytes: 1 << 24, ...options },
    );
  }

  /** A reboot as a person asks for it; returns when the system is up again. */
  async reboot(): Promise<void> {
    await this.run('systemctl reboot', { allowFailure: true });
    await this.#ended(90_000);
    await this.boot();
  }

  /** What systemd and boot-tree printed. */
  async console(): Promise<string> {
    return readFile(join(this.#folder, 'console'), 'utf8');
  }

  /** Ends it at once, as if the power went, and removes all of it. */
  async dispose(): Promise<void> {
    const child = this.#boot;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await this.#ended(30_000).catch(() => child.kill('SIGKILL'));
    }
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  async #ended(timeoutMs: number): Promise<void> {
    const child = this.#boot;
    if (child === undefined) return;
    await waitFor('the system to end', timeoutMs, () => child.exitCode !== null || child.signalCode !== null);
    this.#boot = undefined;
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}
