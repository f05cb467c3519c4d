import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLog, run, site, waitFor, type Site } from '@bulkhead/platform/kernel';
import { openNetwork, type ActivePort, type Destination, type Network } from '@bulkhead/platform/network';
import { openLines, type Lines } from './active-lines.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** Addresses in the network namespace that stands for everything outside. */
export const OUTSIDE = {
  gateway: '10.77.0.1',
  /** On the link, never granted by a test unless it says so. */
  neighbour: '10.77.0.66',
  /** Public ones. Nothing leaves the namespace. */
  web: '93.184.216.34',
  other: '151.101.1.6',
  metadata: '169.254.169.254',
} as const;

/** What the stand-in servers outside listen on. */
export const PORTS = { tcp: [80, 443, 8080], udp: [53, 4500] } as const;

/** A TCP connection attempt that must fail gets this long. */
const REFUSED_MS = 700;

/**
 * A network outside, a network interface (and a bridge) of the machine that lead there, and namespaces that stand for
 * instruments' containers. The machine's own devices are never touched.
 */
export class ActiveRig {
  readonly site: Site;
  network: Network;
  readonly nic: string;
  readonly bridge: string;
  readonly farEnd = 'far0';
  readonly #dir: string;
  readonly #namespaces = new Set<string>();
  readonly #children = new Set<ChildProcess>();

  private constructor(dir: string, prefix: string) {
    this.#dir = dir;
    this.site = site({ prefix, stateDir: join(dir, 'state'), runDir: join(dir, 'run') });
    this.network = this.reopened();
    this.nic = `${prefix}n0`;
    this.bridge = `${prefix}br`;
  }

  /** @param prefix 2-4 characters, different from every other test that may run at the same time. */
  static async open(prefix: string): Promise<ActiveRig> {
    const rig = new ActiveRig(await mkdtemp(join(tmpdir(), `bulkhead-${prefix}-`)), prefix);
    await rig.network.removeAll(); // what an aborted run left
    await run('ip', ['link', 'delete', rig.nic], { allowFailure: true });
    await run('ip', ['link', 'delete', rig.bridge], { allowFailure: true });
    await run('gcc', ['-O2', '-o', rig.packets, join(repository, 'test/support/c/packets.c')]);
    await rig.addNamespace('lan');
    await rig.host([
      `link add ${rig.nic} type veth peer name ${rig.farEnd} netns ${rig.namespace('lan')}`,
      `link set dev ${rig.nic} addrgenmode none`,
      `link add ${rig.bridge} type bridge`,
      `link set dev ${rig.bridge} addrgenmode none`,
    ]);
    const { gateway, neighbour, web, other, metadata } = OUTSIDE;
    await rig.inside('lan', ['sysctl', '-qw', 'net.ipv6.conf.far0.accept_dad=0']);
    await rig.inside('lan', ['ethtool', '-K', rig.farEnd, 'tx', 'off', 'tso', 'off', 'gso', 'off']);
    await rig.inside(
      'lan',
      ['ip', '-batch', '-'],
      [
        `link set ${rig.farEnd} up`,
        `addr add ${gateway}/24 dev ${rig.farEnd}`,
        `addr add ${neighbour}/24 dev ${rig.farEnd}`,
        ...[web, other, metadata].map((address) => `addr add ${address}/32 dev lo`),
        '',
      ].join('\n'),
    );
    await rig.#serve();
    return rig;
  }

  get packets(): string {
    return join(this.#dir, 'packets');
  }

  /** The network room as another process would open it. */
  reopened(): Network {
    return openNetwork({ site: this.site, log: openLog('network', 'fatal') });
  }

  namespace(name: string): string {
    return `${this.site.prefix}-${name}`;
  }

  async addNamespace(name: string): Promise<void> {
    this.#namespaces.add(name);
    await run('ip', ['netns', 'delete', this.namespace(name)], { allowFailure: true });
    await run('ip', ['netns', 'add', this.namespace(name)]);
    await this.inside(name, ['ip', 'link', 'set', 'lo', 'up']);
  }

  async host(lines: readonly string[]): Promise<void> {
    await run('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  async inside(name: string, command: readonly string[], input = ''): Promise<string> {
    const { stdout } = await run('ip', ['netns', 'exec', this.namespace(name), ...command], { input });
    return stdout;
  }

  /** Makes the bridge carry the interface to the outside. */
  async useBridge(): Promise<void> {
    await this.host([
      `link set dev ${this.nic} master ${this.bridge} up`,
      `link set dev ${this.bridge} type bridge forward_delay 0`,
      `link set dev ${this.bridge} up`,
    ]);
  }

  /** An instrument with one active interface `net0`, its container's namespace set up as its init would. */
  async addBox(
    instrument: string,
    kind: 'dedicated' | 'bridged',
    address: string,
    destinations: readonly Destination[] = [],
  ): Promise<ActivePort> {
    const device = kind === 'dedicated' ? this.nic : this.bridge;
    const port = await this.network.activePort({ instrument, port: 'net0', kind, device, address });
    await this.addNamespace(instrument);
    await this.inside(instrument, ['sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1']);
    await run('ip', [
      'link',
      'set',
      'dev',
      port.containerEnd,
      'netns',
      this.namespace(instrument),
      'name',
      'net0',
    ]);
    const lines = ['link set net0 up'];
    if (address !== 'dhcp')
      lines.push(`addr add ${address} dev net0`, `route add default via ${OUTSIDE.gateway}`);
    await this.inside(instrument, ['ip', '-batch', '-'], `${lines.join('\n')}\n`);
    if (kind === 'bridged') {
      for (const link of [this.nic, port.hostEnd])
        await waitFor(`${link} to forward`, 15_000, async () => {
          const state = await readFile(`/sys/class/net/${link}/brport/state`, 'utf8');
          return state.trim() === '3';
        });
    }
    await this.allow(instrument, destinations);
    return port;
  }

  async allow(
    instrument: string,
    destinations: readonly Destination[],
    addressesOf: (name: string) => readonly string[] = () => [],
  ): Promise<void> {
    await this.network.allowDestinations({ instrument, port: 'net0' }, destinations, addressesOf);
  }

  /** A server inside an instrument that greets with "page". */
  async listenIn(instrument: string, port: number): Promise<{ connections: () => number }> {
    const child = spawn(
      'ip',
      ['netns', 'exec', this.namespace(instrument), process.execPath, '-e', PAGE, String(port)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#children.add(child);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await waitFor('the page', 10_000, () => text.includes('up'));
    return { connections: () => text.split('connected').length - 1 };
  }

  /** What a server says to a TCP connection out of a namespace; undefined = it was not reached. */
  async connect(
    instrument: string,
    address: string,
    port: number,
    patience = REFUSED_MS,
    localPort = 0,
  ): Promise<string | undefined> {
    const { exitCode, stdout } = await run(
      'ip',
      [
        ...['netns', 'exec', this.namespace(instrument), process.execPath, '-e', CONNECT],
        ...[address, String(port), String(patience), String(localPort)],
      ],
      { allowFailure: true },
    );
    return exitCode === 0 ? stdout.trim() : undefined;
  }

  /** The same over UDP. */
  async ask(
    instrument: string,
    address: string,
    port: number,
    patience = REFUSED_MS,
  ): Promise<string | undefined> {
    const script = `exec 3<>/dev/udp/${address}/${String(port)} && echo hello >&3 && head -n1 <&3`;
    const inside = ['netns', 'exec', this.namespace(instrument), 'timeout', String(patience / 1000)];
    const { exitCode, stdout } = await run('ip', [...inside, 'bash', '-c', script], { allowFailure: true });
    return exitCode === 0 ? stdout.trim() : undefined;
  }

  /** A connection that stays open and carries one line each way on demand. */
  async hold(instrument: string, address: string, port: number): Promise<Lines> {
    const lines = await openLines(this.namespace(instrument), address, port);
    this.#children.add(lines.child);
    return lines;
  }

  /** Sends frames (hex) from a namespace. */
  async send(name: string, link: string, frames: readonly string[], bypass = false): Promise<void> {
    const command = [this.packets, 'send', link, ...(bypass ? ['bypass'] : [])];
    await this.inside(name, command, frames.map((frame) => `1 ${frame}\n`).join(''));
  }

  /** Frames (hex) that arrive on a link of a namespace while `work` runs. */
  async heard(name: string, link: string, work: () => Promise<unknown>): Promise<string[]> {
    const child = spawn('ip', ['netns', 'exec', this.namespace(name), this.packets, 'listen', link], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#children.add(child);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await waitFor('the listener', 10_000, () => text.includes('ready'));
    await work();
    const closed = once(child, 'close');
    child.stdin.end();
    await closed;
    this.#children.delete(child);
    return text.split('\n').filter((line) => /^[0-9a-f]+$/.test(line));
  }

  /** Ends everything, whatever state it is in. */
  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await this.network.removeAll();
    await run('ip', ['link', 'delete', this.nic], { allowFailure: true });
    await run('ip', ['link', 'delete', this.bridge], { allowFailure: true });
    for (const name of this.#namespaces)
      await run('ip', ['netns', 'delete', this.namespace(name)], { allowFailure: true });
    await rm(this.#dir, { recursive: true, force: true });
  }

  async #serve(): Promise<void> {
    const child = spawn(
      'ip',
      ['netns', 'exec', this.namespace('lan'), process.execPath, '-e', SERVERS, JSON.stringify(PORTS)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#children.add(child);
    await once(child.stdout, 'data');
  }
}

/** TCP servers that say where they were reached and echo lines; UDP servers that answer with the same. */
const SERVERS = `
const { tcp, udp } = JSON.parse(process.argv[1]);
let waiting = tcp.length + udp.length;
const up = () => { if (--waiting === 0) console.log('up'); };
for (const port of tcp)
  require('node:net').createServer((socket) => {
    socket.on('error', () => {});
    socket.write(socket.localAddress + ' ' + port + '\\n');
    socket.on('data', (data) => socket.write(data));
  }).listen(port, '0.0.0.0', up);
for (const port of udp) {
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (data, from) => socket.send('udp ' + port + '\\n', from.port, from.address));
  socket.bind(port, '0.0.0.0', up);
}
`;

const PAGE = `
require('node:net').createServer((socket) => {
  console.log('connected');
  socket.on('error', () => {});
  socket.end('page\\n');
}).listen(Number(process.argv[1]), '0.0.0.0', () => console.log('up'));
`;

/** Prints the first line that a server says, within a time. */
const CONNECT = `
const [host, port, patience, localPort] = process.argv.slice(1);
const socket = require('node:net').connect({ host, port: Number(port), localPort: Number(localPort) });
socket.on('error', () => process.exit(1));
socket.once('data', (data) => { console.log(String(data).split('\\n')[0]); process.exit(0); });
setTimeout(() => process.exit(1), Number(patience));
`;
