import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog, waitFor, type Site } from '@bulkhead/platform/kernel';
import { loadPackage } from '@bulkhead/platform/packages';
import { labConfig } from '@bulkhead/scripts';
import { openReplay, type Replay } from '@bulkhead/scripts/replay';
import { startTestSensor, testSite, type TestSensor } from '../../support/sensor.ts';
import { openTraffic, type Traffic } from '../ids/traffic.ts';
import type { Bench, BenchContext, Figure, Measurement } from '../result.ts';
import { MemoryWatch, type Part } from './memory.ts';

const PREFIX = 'b79';
/** Packets per second that are tried, one after the other, until one loses a packet. */
const LADDER = [2_000, 5_000, 10_000, 20_000, 30_000, 45_000, 60_000, 80_000, 110_000, 150_000];
const STEP_S = 8;
/** The README's sizing table promises this rate on two cores. */
const STATED_PPS = 40_000;
const PACKETS_PER_PERSON = 30;
const MEMORY_LIMIT_MIB = 4_096;

/** A whole sensor under mixed traffic that grows until something is lost: how much memory, and up to which rate nothing is. */
export const bench: Bench = {
  name: 'footprint',
  title: 'memory of a whole sensor under mixed traffic, and the highest rate without loss',
  timeoutMs: 900_000,
  run: measure,
};

interface Step {
  pps: number;
  packets: number;
  bytes: number;
  seconds: number;
  lost: number;
  why: string[];
  events: number;
}

async function measure(context: BenchContext): Promise<Measurement> {
  const folder = await mkdtemp('/var/tmp/bulkhead-footprint-');
  const at = testSite(PREFIX);
  let replay: Replay | undefined;
  let sensor: TestSensor | undefined;
  try {
    const make = await openTraffic(folder);
    const warmUp = await make('traffic.pcap', 0, 200);
    replay = await openReplay({ site: at, log: openLog('footprint', 'error'), file: warmUp.file });
    context.progress('starting a sensor');
    sensor = await startTestSensor(PREFIX, await configOf(context.root, replay.monitorDevice));
    await sensor.healthy();
    const watch = new MemoryWatch(partsOf(at, sensor.pid()));
    watch.start(1_000);
    await replay.play({ pps: 2_000 });
    const steps: Step[] = [];
    let people = 200;
    for (const pps of LADDER) {
      context.signal.throwIfAborted();
      const count = Math.ceil((pps * STEP_S) / PACKETS_PER_PERSON);
      const traffic = await make('traffic.pcap', people, count);
      people += count;
      const step = await runStep(sensor, replay, traffic, pps);
      steps.push(step);
      context.progress(
        `${String(pps)} packets/s: ${step.lost === 0 ? 'nothing lost' : step.why.join(', ')}, ${String(step.events)} events`,
      );
      if (step.lost > 0) break;
    }
    return judgeable(steps, await watch.stop());
  } finally {
    await sensor?.remove();
    await replay?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function configOf(root: string, device: string): Promise<unknown> {
  const apps = join(root, 'build', 'apps');
  const packages = await Promise.all(
    (await readdir(apps)).sort().map((name) => loadPackage(join(apps, name))),
  );
  const config = labConfig(
    'footprint',
    device,
    packages.map(({ manifest }) => manifest),
  );
  // No packet but those of the traffic, so that what was sent can be compared with what was seen.
  return { ...config, detectionCheck: { enabled: false } };
}

/** Plays one rate and waits until everything that was seen is stored, or nothing moves any more. */
async function runStep(sensor: TestSensor, replay: Replay, traffic: Traffic, pps: number): Promise<Step> {
  const before = await countersOf(sensor);
  // Without the capture file's own header and the one of each packet.
  const bytes = (await stat(traffic.file)).size - 24 - 16 * traffic.packets;
  await replay.load(traffic.file);
  const played = await replay.play({ pps });
  const sent = played.sent;
  const after = await settled(sensor, before.decoded + sent);
  const differences: [string, number][] = [
    ['on the way to the tools', after.lost - before.lost],
    ['by Suricata', after.kernelDrops - before.kernelDrops],
    ['not decoded', Math.max(0, sent - (after.decoded - before.decoded))],
    ['events not stored', after.eventsLost - before.eventsLost],
  ];
  const why = differences.filter(([, count]) => count > 0).map(([what, count]) => `${String(count)} ${what}`);
  return {
    pps: Math.round(sent / played.seconds),
    packets: sent,
    bytes,
    seconds: played.seconds,
    lost: differences.reduce((sum, [, count]) => sum + Math.max(0, count), 0),
    why,
    events: after.stored - before.stored,
  };
}

interface Counters {
  decoded: number;
  kernelDrops: number;
  lost: number;
  eventsLost: number;
  stored: number;
}

async function countersOf(sensor: TestSensor): Promise<Counters> {
  const status = await sensor.status();
  const count = (instrument: string, name: string): number =>
    status.instruments.find((one) => one.name === instrument)?.counters[name] ?? 0;
  return {
    decoded: count('suricata', 'decoder.pkts'),
    kernelDrops: count('suricata', 'capture.kernel_drops'),
    lost: status.monitors.reduce((sum, { packets }) => sum + packets.lost, 0),
    eventsLost: ['eve.lost', 'eve.shed', 'eve.refused'].reduce(
      (sum, name) => sum + count('suricata', name),
      0,
    ),
    stored: count('suricata', 'eve.published'),
  };
}

/** Suricata tells its counters every 8 s, and events follow their packets. */
async function settled(sensor: TestSensor, decoded: number): Promise<Counters> {
  await sleep(2_000);
  await waitFor(
    'every packet to be counted',
    25_000,
    async () => (await countersOf(sensor)).decoded >= decoded || undefined,
    { intervalMs: 500 },
  ).catch(() => undefined);
  let last = await countersOf(sensor);
  for (let look = 0; look < 40; look += 1) {
    await sleep(1_000);
    const now = await countersOf(sensor);
    if (now.stored === last.stored && now.decoded === last.decoded) return now;
    last = now;
  }
  return last;
}

/** What a sensor is made of, by process. LXD's own daemon is shared with whatever else runs in containers: told apart. */
function partsOf(at: Site, sensordPid: number): Part[] {
  const container = (name: string): Part => ({
    name,
    fits: ({ cgroup }) => cgroup.includes(`${at.lxdProject}_${at.prefix}-${name}`),
  });
  return [
    {
      name: 'sensord',
      fits: ({ pid, commandLine }) => pid === sensordPid || commandLine.includes(`${at.runDir}/sensord`),
    },
    {
      name: 'nats-server',
      fits: ({ commandLine }) => commandLine.includes('nats-server') && commandLine.includes(at.runDir),
    },
    container('capture-engine'),
    container('suricata'),
    container('passive-dns'),
    {
      name: 'proxies',
      fits: ({ commandLine }) =>
        commandLine.includes('forkproxy') && commandLine.includes(String(at.natsPort)),
    },
  ];
}

function judgeable(
  steps: readonly Step[],
  memory: { peak: Record<string, number>; peakSum: number },
): Measurement {
  const best = steps.filter(({ lost }) => lost === 0).at(-1);
  const figures: Figure[] = [
    { name: 'memory_peak', value: Math.round(memory.peakSum), unit: 'MiB' },
    ...Object.entries(memory.peak).map(([name, mib]) => ({
      name: `memory_${name.replaceAll('-', '_')}`,
      value: Math.round(mib),
      unit: 'MiB',
    })),
    { name: 'lossless_rate', value: best?.pps ?? 0, unit: 'packets/s' },
    {
      name: 'lossless_mbit',
      value: best === undefined ? 0 : Math.round((best.bytes * 8) / best.seconds / 1e6),
      unit: 'Mbit/s',
    },
    {
      name: 'lossless_events',
      value: best === undefined ? 0 : Math.round(best.events / best.seconds),
      unit: 'events/s',
    },
    ...steps.map((step) => ({ name: `lost_at_${String(step.pps)}`, value: step.lost, unit: 'count' })),
  ];
  const first = steps.find(({ lost }) => lost > 0);
  return {
    figures,
    targets: [
      { figure: 'memory_peak', max: MEMORY_LIMIT_MIB },
      { figure: 'lossless_rate', min: STATED_PPS },
    ],
    notes: [
      'traffic: each person looks a name up, then fetches two pages over HTTP or one over TLS; no flow comes twice',
      'the generator runs on the same processors; memory is proportional set size, the highest sum at one moment',
      ...(first === undefined
        ? ['the highest rate that was tried lost nothing']
        : [`first loss at ${String(first.pps)} packets/s: ${first.why.join(', ')}`]),
    ],
  };
}
