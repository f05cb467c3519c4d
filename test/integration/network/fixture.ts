import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openLog, run, site, type Site } from '@bulkhead/platform/kernel';
import { openNetwork, type Network } from '@bulkhead/platform/network';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** A frame listener in some network namespace. */
export interface Listener {
  /** Frames (hex) received so far. */
  frames: string[];
  /** Ends it; resolves with how many frames the kernel could not queue for it. */
  stop(): Promise<number>;
}

/**
 * A made-up wire, a stand-in for the capture engine's container, and mirror port sinks, all in network namespaces of
 * their own. The machine's devices are never touched.
 */
export class Rig {
  readonly site: Site;
  readonly network: Network;
  /** The monitor device (this namespace) and the far end of its wire (namespace `wire`). */
  readonly device: string;
  readonly farEnd = 'far0';
  readonly #dir: string;
  readonly #namespaces = new Set<string>();
  readonly #listeners = new Set<Listener>();

  private constructor(dir: string, prefix: string) {
    this.#dir = dir;
    this.site = site({
      prefix,
      stateDir: join(dir, 'state'),
      runDir: join(dir, 'run'),
      cacheDir: join(dir, 'cache'),
    });
    this.network = openNetwork({ site: this.site, log: openLog('network', 'fatal') });
    this.device = `${prefix}w0`;
  }

  /** @param prefix 2-4 characters, different from every other test that may run at the same time. */
  static async open(prefix: string): Promise<Rig> {
    const rig = new Rig(await mkdtemp(join(tmpdir(), `bulkhead-${prefix}-`)), prefix);
    await rig.network.removeAll(); // what an aborted run left
    await rig.addNamespace('wire');
    await run('ip', ['link', 'delete', rig.device], { allowFailure: true });
    await run('ip', [
      'link',
      'add',
      rig.device,
      'mtu',
      '9216',
      'type',
      'veth',
      'peer',
      'name',
      rig.farEnd,
      'netns',
      rig.namespace('wire'),
      'mtu',
      '9216',
    ]);
    await rig.inNamespace('wire', [
      'sysctl',
      '-qw',
      'net.ipv6.conf.all.disable_ipv6=1',
      'net.ipv6.conf.default.disable_ipv6=1',
    ]);
    await rig.inNamespace('wire', [
      'ethtool',
      '-K',
      rig.farEnd,
      'tx',
      'off',
      'tso',
      'off',
      'gso',
      'off',
      'gro',
      'off',
    ]);
    await rig.inNamespace('wire', ['ip', 'link', 'set', rig.farEnd, 'arp', 'off', 'up']);
    await run(join(repository, 'platform/network/bpf/build'), [join(rig.site.cacheDir, 'bpf')]);
    await run('gcc', ['-O2', '-o', rig.packets, join(repository, 'test/support/c/packets.c')]);
    return rig;
  }

  get packets(): string {
    return join(this.#dir, 'packets');
  }

  namespace(name: string): string {
    return `${this.site.prefix}-${name}`;
  }

  async addNamespace(name: string): Promise<void> {
    this.#namespaces.add(name);
    await run('ip', ['netns', 'delete', this.namespace(name)], { allowFailure: true });
    await run('ip', ['netns', 'add', this.namespace(name)]);
    await this.inNamespace(name, ['ip', 'link', 'set', 'lo', 'up']);
  }

  async deleteNamespace(name: string): Promise<void> {
    this.#namespaces.delete(name);
    await run('ip', ['netns', 'delete', this.namespace(name)], { allowFailure: true });
  }

  async inNamespace(name: string | undefined, command: readonly string[], input = ''): Promise<string> {
    const all = name === undefined ? command : ['ip', 'netns', 'exec', this.namespace(name), ...command];
    const { stdout } = await run(all[0] ?? '', all.slice(1), {
      input,
      timeoutMs: 120_000,
      maxOutputBytes: 64 << 20,
    });
    return stdout;
  }

  /** Moves a container end into a namespace under the name that the container would give it, and raises it. */
  async give(link: string, namespace: string, name: string): Promise<void> {
    await run('ip', ['link', 'set', 'dev', link, 'netns', this.namespace(namespace), 'name', name]);
    await this.inNamespace(namespace, ['ip', 'link', 'set', name, 'arp', 'off', 'up']);
  }

  /** Attaches the monitor, links a stand-in for the capture engine that forwards in0 to out0 as the real one does. */
  async openPath(monitor = 'mon'): Promise<void> {
    await this.network.attachMonitor({ name: monitor, device: this.device });
    await this.startCapture(monitor);
  }

  async startCapture(monitor = 'mon'): Promise<void> {
    const links = await this.network.captureLinks(monitor);
    await this.addNamespace('capture');
    await this.inNamespace('capture', ['sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1']);
    await this.give(links.inContainer, 'capture', 'in0');
    await this.give(links.outContainer, 'capture', 'out0');
    await this.inNamespace('capture', ['nft', '-f', '-'], FORWARD);
  }

  /** Makes a mirror port and gives its container end to a namespace of its own, as `mon0`. */
  async addPort(instrument: string, filter: 'all' | { ports: number[] } = 'all'): Promise<string> {
    const port = await this.network.mirrorPort({ instrument, port: 'mon0', monitor: 'mon', filter });
    await this.addNamespace(instrument);
    await this.inNamespace(instrument, ['sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1']);
    await this.give(port.containerEnd, instrument, 'mon0');
    return port.hostEnd;
  }

  /** Sends frames (hex) from a namespace; each `count` times. */
  async send(
    namespace: string | undefined,
    link: string,
    frames: readonly string[],
    options: { count?: number; bypass?: boolean } = {},
  ): Promise<{ sent: number; refused: number }> {
    const lines = frames.map((frame) => `${String(options.count ?? 1)} ${frame}\n`).join('');
    const extra = options.bypass === true ? ['bypass'] : [];
    const out = await this.inNamespace(namespace, [this.packets, 'send', link, ...extra], lines);
    const match = /sent (\d+) refused (\d+)/.exec(out);
    return { sent: Number(match?.[1]), refused: Number(match?.[2]) };
  }

  /** Listens on a link of a namespace until stopped. */
  async listen(namespace: string, link: string): Promise<Listener> {
    const child: ChildProcess = spawn(
      'ip',
      ['netns', 'exec', this.namespace(namespace), this.packets, 'listen', link],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    if (child.stdout === null || child.stdin === null) throw new Error('no pipes');
    const stdin = child.stdin;
    const frames: string[] = [];
    let dropped = 0;
    const lines = createInterface({ input: child.stdout });
    const ready = new Promise<void>((resolve) => {
      lines.on('line', (line) => {
        if (line === 'ready') resolve();
        else if (line.startsWith('dropped ')) dropped = Number(line.slice(8));
        else frames.push(line);
      });
    });
    const closed = once(child, 'close');
    const listener: Listener = {
      frames,
      stop: async () => {
        this.#listeners.delete(listener);
        stdin.end();
        await closed;
        return dropped;
      },
    };
    this.#listeners.add(listener);
    await ready;
    return listener;
  }

  /** A counter of a link, as the kernel of that namespace shows it. */
  async counter(namespace: string | undefined, link: string, name: string): Promise<number> {
    if (namespace === undefined) {
      return Number(await readFile(`/sys/class/net/${link}/statistics/${name}`, 'utf8'));
    }
    const json = JSON.parse(await this.inNamespace(namespace, ['ip', '-j', '-s', 'link', 'show', link])) as {
      stats64: Record<'rx' | 'tx', Record<string, number>>;
    }[];
    const [direction, field] = name.split('_') as ['rx' | 'tx', string];
    return json[0]?.stats64[direction][field] ?? Number.NaN;
  }

  /** Ends everything, whatever state it is in. */
  async close(): Promise<void> {
    for (const listener of this.#listeners) await listener.stop();
    await this.network.removeAll();
    await run('ip', ['link', 'delete', this.device], { allowFailure: true });
    for (const name of this.#namespaces) await this.deleteNamespace(name);
    await rm(this.#dir, { recursive: true, force: true });
  }
}

/** What the capture engine sets up in its own network namespace. */
export const FORWARD = `table netdev forward {
  chain in {
    type filter hook ingress device "in0" priority 0; policy drop;
    dup to "out0"
  }
}
`;
