import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeError, run, sitePaths, waitFor, type Site } from '../kernel/index.ts';
import { attachXdpGeneric, inNamespace, mountBpffs, unmountBpffs } from './bpf.ts';
import { buildGeneration, recordOf } from './fan-out-generation.ts';
import { planFanout } from './fan-out-plan.ts';
import { portText } from './active/rules.ts';
import { findLinkIn } from './links.ts';

/** What one probe found: `undefined` = it works, else why not. */
export type Fault = string | undefined;

/** What this kernel and these programs can do for the packet paths. */
export interface NetworkFacts {
  kernel: string;
  veth: Fault;
  nftIngress: Fault;
  nftEgress: Fault;
  /** nftables `dup` in a netdev chain. */
  nftDup: Fault;
  /** Rules of active interfaces: sets of address, protocol and port with ranges, `fwd`, sets that packets fill. */
  nftActive: Fault;
  /** A bridge whose ports are kept apart. */
  bridge: Fault;
  /** 802.1Q, for active interfaces with a `vlan`. */
  vlan: Fault;
  /** tc clsact, u32 and mirred: the detection check's way in. */
  tcMirred: Fault;
  bpffs: Fault;
  /** The packet program loads, attaches in generic mode and broadcasts to a device map. */
  xdpFanout: Fault;
  /** Whether bridges hand their frames to iptables, which can blind an instrument behind a bridge; ours use none. */
  brNetfilter: 'absent' | 'off' | 'on';
  /** Version line of each program that this room runs; undefined = not installed. */
  programs: Record<'ip' | 'nft' | 'tc' | 'ethtool' | 'bpftool' | 'tcpreplay', string | undefined>;
}

/**
 * Tries everything that the room needs in a network namespace that lives only as long as the probe. Leaves nothing behind
 * and touches no device of the machine.
 */
export async function probeKernel(at: Site): Promise<NetworkFacts> {
  const holder = spawn('unshare', ['--net', 'sleep', '60'], { stdio: 'ignore' });
  const failed = new Promise<never>((_, reject) => holder.once('error', reject));
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-probe-'));
  const bpffs = join(dir, 'bpf');
  try {
    const namespace = await Promise.race([failed, namespaceOf(holder.pid ?? 0)]);
    const inside = async (command: readonly string[], input = ''): Promise<Fault> =>
      attempt(() => run(...inNamespace(namespace, command), { input }));
    const veth = await inside(['ip', 'link', 'add', 'p0', 'type', 'veth', 'peer', 'name', 'p1']);
    const table = (hook: string, rule: string): string =>
      `table netdev probe_${hook} {\n chain c {\n type filter hook ${hook} device "p0" priority -500; policy drop;\n ${rule}\n }\n}\n`;
    return {
      kernel: release(),
      veth,
      nftIngress: await inside(['nft', '-f', '-'], table('ingress', 'counter')),
      nftEgress: await inside(['nft', '-f', '-'], table('egress', 'counter')),
      nftDup: await inside(['nft', '-f', '-'], 'add rule netdev probe_ingress c dup to "p1"\n'),
      nftActive: await inside(['nft', '-f', '-'], activeRules()),
      bridge:
        (await inside(['ip', 'link', 'add', 'p2', 'type', 'bridge'])) ??
        (await inside(['ip', 'link', 'set', 'p1', 'master', 'p2'])) ??
        (await inside(['bridge', 'link', 'set', 'dev', 'p1', 'isolated', 'on', 'learning', 'off'])) ??
        (await inside(['ip', 'link', 'set', 'p1', 'nomaster'])),
      vlan: await inside('ip link add link p0 name p3 type vlan id 7'.split(' ')),
      tcMirred: (await inside(['tc', 'qdisc', 'add', 'dev', 'p1', 'clsact'])) ?? (await inside(MIRROR_RULE)),
      bpffs: await attempt(() => mountBpffs(bpffs)),
      xdpFanout: await attempt(() => tryFanout(at, dir, bpffs, namespace)),
      brNetfilter: await brNetfilter(),
      programs: await programVersions(),
    };
  } finally {
    await unmountBpffs(bpffs);
    await rm(dir, { recursive: true, force: true });
    const ended = once(holder, 'exit').catch(() => undefined);
    if (holder.kill('SIGKILL')) await ended;
  }
}

/** The rules of an active interface with an address from DHCP: those use every feature. */
function activeRules(): string {
  const port = { table: 'probe_active', device: 'p0', ifindex: 0, mac: '02:00:00:00:00:01', address: 'dhcp' };
  return portText({ ...port, forwardTo: 'p1' });
}

const MIRROR_RULE =
  'tc filter add dev p1 ingress protocol ip u32 match ip protocol 17 0xff action mirred ingress mirror dev p0'.split(
    ' ',
  );

/** The namespace that `unshare` made, as soon as it is another one than ours. */
async function namespaceOf(pid: number): Promise<string> {
  const ours = await readlink('/proc/self/ns/net');
  const path = `/proc/${String(pid)}/ns/net`;
  await waitFor('a network namespace for the probe', 5_000, async () => {
    const theirs = await readlink(path).catch(() => ours);
    return theirs !== ours;
  });
  return path;
}

/** Loads and runs the packet program once on a test frame: 4 is XDP_REDIRECT, which the kernel gives only for known flags. */
async function tryFanout(at: Site, dir: string, bpffs: string, namespace: string): Promise<void> {
  const places = { pins: join(bpffs, 'probe'), records: join(dir, 'records') };
  const ifindex = await findLinkIn(namespace, 'p0');
  const plan = planFanout([{ hostEnd: 'p0', filter: { ports: [53] } }]);
  const record = recordOf(1, plan, () => ifindex);
  const pin = await buildGeneration(
    places,
    join(sitePaths(at).bpfDir, 'fanout.o'),
    record,
    plan.blocks,
    namespace,
  );
  await attachXdpGeneric(pin, 'p1', namespace);
  const frame = join(dir, 'frame');
  await writeFile(frame, Buffer.alloc(64));
  const { stdout } = await run('bpftool', ['prog', 'run', 'pinned', pin, 'data_in', frame, 'repeat', '1']);
  if (!/Return value: 4\b/.test(stdout))
    throw new Error(`the packet program does not broadcast: ${stdout.trim()}`);
}

async function attempt(action: () => Promise<unknown>): Promise<Fault> {
  try {
    await action();
    return undefined;
  } catch (error) {
    return describeError(error).slice(0, 400);
  }
}

async function brNetfilter(): Promise<NetworkFacts['brNetfilter']> {
  const value = await readFile('/proc/sys/net/bridge/bridge-nf-call-iptables', 'utf8').catch(() => undefined);
  return value === undefined ? 'absent' : value.trim() === '1' ? 'on' : 'off';
}

async function programVersions(): Promise<NetworkFacts['programs']> {
  const ask = async (program: string, flag: string): Promise<string | undefined> => {
    const result = await run(program, [flag], { allowFailure: true }).catch(() => undefined);
    return result === undefined ? undefined : `${result.stdout}${result.stderr}`.trim().split('\n')[0];
  };
  const [ip, nft, tc, ethtool, bpftool, tcpreplay] = await Promise.all([
    ask('ip', '-V'),
    ask('nft', '-v'),
    ask('tc', '-V'),
    ask('ethtool', '--version'),
    ask('bpftool', 'version'),
    ask('tcpreplay', '--version'),
  ]);
  return { ip, nft, tc, ethtool, bpftool, tcpreplay };
}
