import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { linkName, openLog, run, sitePaths, type Site } from '@bulkhead/platform/kernel';
import { openNetwork, type Network } from '@bulkhead/platform/network';
import { renderFeedRules } from '../../../instruments/capture-engine/src/feed-rules.ts';
import { renderRules } from '../../../instruments/capture-engine/src/rules.ts';
import { throwAwayRuntime, type ThrowAwayRuntime } from '../../support/lxd.ts';

export const MAX_PORTS = 8;
const PREFIX = 'b70';

/** Everything that is measured, standing side by side: the sensor's path through a real container, and the others. */
export interface Topology {
  site: Site;
  network: Network;
  generator: string;
  /**
   * Command prefix: on one processor (0 = the last), before every ordinary process. Frames of a NIC arrive in the kernel's
   * softirq, which waits for no process either.
   */
  asArrival(index: number): string[];
  /** Namespace files: the wire's far ends, and the capture engine's container. */
  wire: string;
  capture: string;
  /** Far end of the monitor interface's wire. */
  monitorFarEnd: string;
  /** Host ends of the sensor's mirror ports. */
  ports: string[];
  /** Outputs of the other contenders: pairs of the same kind with the same sinks. */
  plain: string[];
  /** Makes an input of another contender: its link on the host and the far end in the wire's namespace. */
  addInput(name: string): Promise<{ link: string; farEnd: string }>;
  remove(): Promise<void>;
}

/** A counter of a link in this namespace. */
export async function hostCounter(link: string, name: string): Promise<number> {
  return Number(await readFile(`/sys/class/net/${link}/statistics/${name}`, 'utf8'));
}

/** Builds it all. @param root folder of the repository */
export async function openTopology(root: string, progress: (text: string) => void): Promise<Topology> {
  const lxd = await throwAwayRuntime(PREFIX);
  const namespaces = ['wire', 'sinks'].map((name) => `${PREFIX}-${name}`);
  const network = openNetwork({ site: lxd.site, log: openLog('network', 'error') });
  const remove = async (): Promise<void> => {
    await network.removeAll();
    for (const name of namespaces) await run('ip', ['netns', 'delete', name], { allowFailure: true });
    await lxd.dispose();
  };
  try {
    return await build(root, lxd, network, remove, progress);
  } catch (error) {
    await remove();
    throw error;
  }
}

async function build(
  root: string,
  lxd: ThrowAwayRuntime,
  network: Network,
  remove: () => Promise<void>,
  progress: (text: string) => void,
): Promise<Topology> {
  const at = lxd.site;
  const [wire, sinks] = [`/run/netns/${PREFIX}-wire`, `/run/netns/${PREFIX}-sinks`];
  await network.removeAll();
  for (const file of [wire, sinks]) await makeNamespace(file);
  await run(join(root, 'platform/network/bpf/build'), [sitePaths(at).bpfDir]);
  const generator = join(at.cacheDir, 'gen');
  await run('gcc', ['-O2', '-o', generator, join(root, 'test/bench/mirror/gen.c')]);

  const addInput = async (name: string): Promise<{ link: string; farEnd: string }> => {
    const [link, farEnd] = [`${PREFIX}${name}`, `far-${name}`];
    await makePair(link, farEnd, wire, farEnd);
    return { link, farEnd };
  };
  const monitor = await addInput('mon');
  await run('ip', ['link', 'set', 'dev', monitor.link, 'down']);
  await network.attachMonitor({ name: 'mon', device: monitor.link });

  progress('starting a capture engine container');
  const capture = await startCapture(lxd, network);
  const ports: string[] = [];
  for (let n = 1; n <= MAX_PORTS; n += 1) {
    const port = await network.mirrorPort({
      instrument: `n${String(n)}`,
      port: 'mon0',
      monitor: 'mon',
      filter: 'all',
    });
    await intoSinks(sinks, port.containerEnd, `port${String(n)}`);
    ports.push(port.hostEnd);
  }
  const plain: string[] = [];
  for (let n = 1; n <= MAX_PORTS; n += 1) {
    const link = `${PREFIX}x${String(n)}`;
    await makePair(link, `${PREFIX}y${String(n)}`, undefined, undefined);
    await intoSinks(sinks, `${PREFIX}y${String(n)}`, `plain${String(n)}`);
    plain.push(link);
  }
  const realTime = await run('chrt', ['--fifo', '10', 'true'], { allowFailure: true });
  return {
    site: at,
    network,
    generator,
    asArrival: (index) => [
      ...(realTime.exitCode === 0 ? ['chrt', '--fifo', '10'] : []),
      ...['taskset', '--cpu-list', String(cpus().length - 1 - (index % cpus().length))],
    ],
    wire,
    capture,
    monitorFarEnd: monitor.farEnd,
    ports,
    plain,
    addInput,
    remove: async () => {
      for (const link of [...plain, monitor.link])
        await run('ip', ['link', 'delete', link], { allowFailure: true });
      await remove();
    },
  };
}

/** An unprivileged container that forwards with the capture engine's own rules, as its user with CAP_NET_ADMIN inside. */
async function startCapture(lxd: ThrowAwayRuntime, network: Network): Promise<string> {
  const links = await network.captureLinks('mon');
  // With the rules that observe the feed: they look at every packet.
  const rules = renderRules([{ input: 'in0', output: 'out0' }]) + renderFeedRules(['in0'], 0, 30);
  const script =
    'ip link set in0 arp off up && ip link set out0 arp off up && nft -f /run/bulkhead/rules && exec sleep infinity';
  const runDir = sitePaths(lxd.site).instrumentRunDir('capture');
  await mkdir(runDir, { recursive: true, mode: 0o755 });
  await writeFile(join(runDir, 'rules'), rules, { mode: 0o644 });
  const state = await lxd.launch('capture', {
    command: ['/bin/sh', '-c', script],
    caps: ['net_admin', 'net_raw'],
    links: [
      { name: 'in0', parent: links.inContainer },
      { name: 'out0', parent: links.outContainer },
    ],
  });
  const namespace = `/proc/${String(state.pid)}/ns/net`;
  for (let tries = 0; ; tries += 1) {
    const shown = await run('nsenter', [`--net=${namespace}`, 'nft', 'list', 'tables'], {
      allowFailure: true,
    });
    if (shown.stdout.includes('forward')) return namespace;
    if (tries > 100)
      throw new Error(
        `the capture container does not forward: ${(await lxd.runtime.log('capture', { lines: 20 })).join('\n')}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function makeNamespace(file: string): Promise<void> {
  const name = file.replace('/run/netns/', '');
  await run('ip', ['netns', 'delete', name], { allowFailure: true });
  await run('ip', ['netns', 'add', name]);
  const quiet = ['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'];
  await run('nsenter', [`--net=${file}`, 'sysctl', '-qw', ...quiet]);
}

/** A pair like those of the sensor: same MTU, offloads off, no IPv6, no ARP. The peer may lie in a namespace. */
async function makePair(link: string, peer: string, namespace?: string, name = peer): Promise<void> {
  await run('ip', ['link', 'delete', link], { allowFailure: true });
  await run('ip', ['link', 'add', link, 'mtu', '9232', 'type', 'veth', 'peer', 'name', peer, 'mtu', '9232']);
  await run('sysctl', [
    '-qw',
    `net.ipv6.conf.${link}.disable_ipv6=1`,
    `net.ipv6.conf.${peer}.disable_ipv6=1`,
  ]);
  for (const end of [link, peer])
    await run('ethtool', ['-K', end, 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off']);
  await run('ip', ['link', 'set', 'dev', link, 'arp', 'off', 'up']);
  if (namespace === undefined) return;
  await run('ip', ['link', 'set', 'dev', peer, 'netns', namespace.replace('/run/netns/', ''), 'name', name]);
  await run('nsenter', [`--net=${namespace}`, 'ip', 'link', 'set', name, 'arp', 'off', 'up']);
}

/** The cheapest reader: counts and drops at once. The same for everyone. */
async function intoSinks(sinks: string, end: string, name: string): Promise<void> {
  await run('ip', ['link', 'set', 'dev', end, 'netns', sinks.replace('/run/netns/', ''), 'name', name]);
  await run('nsenter', [`--net=${sinks}`, 'ip', 'link', 'set', name, 'arp', 'off', 'up']);
  const rules = `table netdev ${name} {\nchain in {\ntype filter hook ingress device "${name}" priority 0; policy drop;\n}\n}\n`;
  await run('nsenter', [`--net=${sinks}`, 'nft', '-f', '-'], { input: rules });
}

/** Name of the capture engine's output link on the host. */
export function outputLink(at: Site): string {
  return linkName(at, 'o', 'mon');
}
