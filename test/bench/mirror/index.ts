import { cpus } from 'node:os';
import { run } from '@bulkhead/platform/kernel';
import type { Bench, BenchContext, Figure, Measurement } from '../result.ts';
import { highestLossless, startDaemonloggers, type Contender } from './contenders.ts';
import type { Load } from './load.ts';
import { openTopology, type Topology } from './topology.ts';

const ROUNDS = 15;
/** Rounds with daemonlogger, which are long: its rate must be searched. */
const SLOW_ROUNDS = 2;
const BURST: Load = { packets: 40_000, rate: 0, dnsPermille: 0, generators: 1 };
const MIXED: Load = { ...BURST, dnsPermille: 50 };
/** Against daemonlogger, whose processes use every processor: frames arrive on every processor, on both sides. */
const SLOW: Load = { packets: 1_000_000, rate: 0, dnsPermille: 0, generators: cpus().length };

/** Lossless 64-byte packets per second to N mirror ports: the sensor, tc mirred by hand, daemonlogger. */
export const bench: Bench = {
  name: 'mirror',
  title: 'highest lossless 64-byte packet rate to N mirror ports: sensor, tc mirred by hand, daemonlogger',
  timeoutMs: 240_000,
  run: measure,
};

async function measure(context: BenchContext): Promise<Measurement> {
  const topology = await openTopology(context.root, (text) => {
    context.progress(text);
  });
  const stops: (() => Promise<void>)[] = [];
  try {
    const fast = await contenders(topology, stops);
    const rates = new Map<string, number[]>();
    const note = (name: string, rate: number): void => {
      rates.set(name, [...(rates.get(name) ?? []), rate]);
    };
    for (let round = -1; round < ROUNDS; round += 1) {
      const order = round % 2 === 0 ? fast : [...fast].reverse();
      for (const { contender, load } of order) {
        context.signal.throwIfAborted();
        const rate = await highestLossless(topology, contender, load);
        if (round >= 0) note(contender.name, rate); // the first round warms up
      }
      if (round % 5 === 4) context.progress(`round ${String(round + 1)} of ${String(ROUNDS)}`);
    }
    const slow = await daemonlogger(topology, 4, stops);
    const whole = sensorPath(topology, 4);
    for (let round = 0; round < SLOW_ROUNDS; round += 1) {
      context.signal.throwIfAborted();
      note('daemonlogger_n4', await withLoggers(topology, slow, SLOW));
      note('whole_path_beside_daemonlogger_n4', await highestLossless(topology, whole, SLOW));
      context.progress(`daemonlogger round ${String(round + 1)} of ${String(SLOW_ROUNDS)}`);
    }
    return report(rates, await versions());
  } finally {
    for (const stop of stops.reverse()) await stop();
    await topology.remove();
  }
}

interface Entry {
  contender: Contender;
  load: Load;
}

async function contenders(topology: Topology, stops: (() => Promise<void>)[]): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const n of [1, 4, 8]) {
    entries.push({ contender: await mirred(topology, n, stops), load: BURST });
    entries.push({ contender: fanoutStage(topology, n), load: BURST });
    entries.push({ contender: sensorPath(topology, n), load: BURST });
  }
  entries.push({ contender: { ...sensorPath(topology, 1), name: 'mixed_n1' }, load: MIXED });
  entries.push({ contender: filtered(topology), load: MIXED });
  return entries;
}

/** One hop, by hand: tc copies to N - 1 links and moves the frame to the last. The fastest that mirred can do. */
async function mirred(topology: Topology, n: number, stops: (() => Promise<void>)[]): Promise<Contender> {
  const { link, farEnd } = await topology.addInput(`t${String(n)}`);
  stops.push(() => deleteQuietly('ip', ['link', 'delete', link]));
  await run('tc', ['qdisc', 'add', 'dev', link, 'clsact']);
  const outputs = topology.plain.slice(0, n);
  const actions = outputs.flatMap((output, at) => {
    const last = at === n - 1;
    return [
      'action',
      'mirred',
      'egress',
      last ? 'redirect' : 'mirror',
      'dev',
      output,
      ...(last ? [] : ['pipe']),
    ];
  });
  const all = ['protocol', 'all', 'u32', 'match', 'u32', '0', '0'];
  await run('tc', ['filter', 'add', 'dev', link, 'ingress', ...all, ...actions]);
  return {
    name: `mirred_n${String(n)}`,
    prepare: async () => undefined,
    source: { namespace: topology.wire, link: farEnd },
    outputs: outputs.map((output) => ({ link: output, wants: 'all' })),
    drainMs: 0,
  };
}

/** Monitor interface -> capture engine's container -> fan-out -> N mirror ports. */
function sensorPath(topology: Topology, n: number): Contender {
  const ports = topology.ports.slice(0, n);
  return {
    name: `whole_path_n${String(n)}`,
    prepare: async () => {
      await topology.network.setFanout(
        'mon',
        ports.map((hostEnd) => ({ hostEnd, filter: 'all' as const })),
      );
    },
    source: { namespace: topology.wire, link: topology.monitorFarEnd },
    outputs: ports.map((link) => ({ link, wants: 'all' })),
    drainMs: 0,
  };
}

/** Only the fan-out: frames enter where the capture engine's container lets them out. */
function fanoutStage(topology: Topology, n: number): Contender {
  return {
    ...sensorPath(topology, n),
    name: `fan_out_n${String(n)}`,
    source: { namespace: topology.capture, link: 'out0' },
  };
}

/** The whole path with the filters that instruments declare: 7 of 8 want DNS only. */
function filtered(topology: Topology): Contender {
  return {
    ...sensorPath(topology, 8),
    name: 'filtered_n8',
    prepare: async () => {
      await topology.network.setFanout(
        'mon',
        topology.ports.map((hostEnd, at) => ({ hostEnd, filter: at === 0 ? 'all' : { ports: [53] } })),
      );
    },
    outputs: topology.ports.map((link, at) => ({ link, wants: at === 0 ? 'all' : 'dns' })),
  };
}

async function daemonlogger(
  topology: Topology,
  n: number,
  stops: (() => Promise<void>)[],
): Promise<Contender & { input: string }> {
  const { link, farEnd } = await topology.addInput(`d${String(n)}`);
  stops.push(() => deleteQuietly('ip', ['link', 'delete', link]));
  // It reads before this rule; without it the host's own stack would cost it time.
  const rules = `table netdev ${link} {\nchain in {\ntype filter hook ingress device "${link}" priority 0; policy drop;\n}\n}\n`;
  await run('nft', ['-f', '-'], { input: rules });
  stops.push(() => deleteQuietly('nft', ['delete', 'table', 'netdev', link]));
  return {
    name: `daemonlogger_n${String(n)}`,
    prepare: async () => undefined,
    source: { namespace: topology.wire, link: farEnd },
    outputs: topology.plain.slice(0, n).map((output) => ({ link: output, wants: 'all' })),
    drainMs: 500,
    input: link,
  };
}

/** Its processes run only while it is measured. */
async function withLoggers(
  topology: Topology,
  contender: Contender & { input: string },
  load: Load,
): Promise<number> {
  const stop = await startDaemonloggers(
    contender.input,
    contender.outputs.map((output) => output.link),
  );
  try {
    return await highestLossless(topology, contender, load);
  } finally {
    await stop();
  }
}

async function deleteQuietly(program: string, args: readonly string[]): Promise<void> {
  await run(program, args, { allowFailure: true });
}

function report(rates: ReadonlyMap<string, number[]>, versions: Record<string, string>): Measurement {
  // Neighbours in time are compared: each ratio is of one round, and the median of the rounds counts.
  const ratio = (name: string, over: string, under: string): Figure => {
    const [a = [], b = []] = [rates.get(over), rates.get(under)];
    const value = median(a.map((rate, round) => rate / Math.max(1, b[round] ?? 0)));
    return { name, value: Math.round(value * 1000) / 1000, unit: 'ratio' };
  };
  return {
    figures: [
      ...[...rates].map(([name, values]): Figure => ({
        name: `${name}_packets_per_s`,
        value: Math.round(median(values)),
        unit: 'packets/s',
      })),
      ratio('fan_out_over_mirred_n8', 'fan_out_n8', 'mirred_n8'),
      ratio('whole_path_over_mirred_n8', 'whole_path_n8', 'mirred_n8'),
      ratio('whole_path_over_daemonlogger_n4', 'whole_path_beside_daemonlogger_n4', 'daemonlogger_n4'),
      ratio('filtered_n8_over_n1', 'filtered_n8', 'mixed_n1'),
    ],
    targets: [
      { figure: 'fan_out_over_mirred_n8', min: 1.0 },
      { figure: 'whole_path_over_mirred_n8', min: 0.8 },
      { figure: 'whole_path_over_daemonlogger_n4', min: 8 },
      { figure: 'filtered_n8_over_n1', min: 0.9 },
    ],
    versions,
    notes: [
      'kernel paths, among themselves: one generator on one processor; such a path holds the sender up instead of losing',
      'against daemonlogger, whose processes use every processor: one generator on each processor, on both sides',
      'generators stand for arriving frames, so they wait for no process (real-time priority where the machine allows it)',
    ],
  };
}

async function versions(): Promise<Record<string, string>> {
  const first = async (program: string, flag: string): Promise<string> => {
    const { stdout, stderr } = await run(program, [flag], { allowFailure: true });
    return `${stdout}${stderr}`.trim().split('\n')[0] ?? '';
  };
  return {
    nft: await first('nft', '-v'),
    iproute2: await first('ip', '-V'),
    bpftool: await first('bpftool', 'version'),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
