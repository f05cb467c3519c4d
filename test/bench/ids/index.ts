import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@bulkhead/platform/kernel';
import type { Bench, BenchContext, Figure, Measurement } from '../result.ts';
import { openHostSide } from './host-side.ts';
import { openSensorSide } from './sensor-side.ts';
import type { Counts, Result, Side, SideName } from './side.ts';
import { openTraffic } from './traffic.ts';

const PEOPLE = 2_000;
const ROUNDS = 7;
/** Well below what any side can take, so that none loses a packet. */
const PACKETS_PER_SECOND = 20_000;
/** Written on a timer or by rules, not by protocols. */
const NOT_COMPARED: ReadonlySet<string> = new Set(['stats', 'check', 'alert']);

/** Suricata in the sensor against Suricata directly on the host: processor time for the same packets, and the same events. */
export const bench: Bench = {
  name: 'ids',
  title: "the same traffic through the sensor's Suricata and through Suricata directly on the host",
  timeoutMs: 480_000,
  run: measure,
};

/** Packets per second of processor time, one value for each round. */
type Rates = Record<SideName, number[]>;

async function measure(context: BenchContext): Promise<Measurement> {
  const folder = await mkdtemp('/var/tmp/bulkhead-ids-');
  const sides: Side[] = [];
  try {
    await run('chmod', ['711', folder]);
    const make = await openTraffic(folder);
    const first = await make('first.pcap', 0, PEOPLE);
    const files = join(context.root, 'instruments', 'suricata', 'files');
    for (const name of ['host', 'debian'] as const) {
      context.progress(`starting Suricata directly on the host (${name})`);
      sides.push(await openHostSide(name, folder, first.file, files));
    }
    context.progress('starting a sensor');
    sides.push(await openSensorSide(context.root, first.file));
    const rates: Rates = { sensor: [], host: [], debian: [] };
    for (let round = 0; round <= ROUNDS; round += 1) {
      const { file } = round === 0 ? first : await make('next.pcap', round * PEOPLE, PEOPLE);
      for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
        context.signal.throwIfAborted();
        const took = await side.round(file, PACKETS_PER_SECOND);
        // The first round warms up; only its events count.
        if (round > 0) rates[side.name].push(took.packets / (took.suricataNs / 1e9));
      }
      if (round > 0) context.progress(`round ${String(round)} of ${String(ROUNDS)}: ${lastOf(rates)}`);
    }
    const results = new Map<SideName, Result>();
    for (const side of sides) results.set(side.name, await side.finish());
    const version = await suricataVersion(folder);
    return judgeable(rates, results, first.packets * (ROUNDS + 1), version);
  } finally {
    for (const side of sides) await side.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

function judgeable(
  rates: Rates,
  results: Map<SideName, Result>,
  packets: number,
  suricata: string,
): Measurement {
  const none: Result = { lost: NaN, events: {} };
  const sensor = results.get('sensor') ?? none;
  const host = results.get('host') ?? none;
  const debian = results.get('debian') ?? none;
  return {
    figures: [
      figure('sensor_over_host', ratio(rates.sensor, rates.host), 'ratio'),
      figure('sensor_over_debian', ratio(rates.sensor, rates.debian), 'ratio'),
      ...(['sensor', 'host', 'debian'] as const).map((name) =>
        figure(`${name}_packets_per_cpu_s`, Math.round(median(rates[name])), 'packets/s'),
      ),
      figure('packets_sent', packets, 'count'),
      figure('sensor_packets_lost', sensor.lost, 'count'),
      figure('host_packets_lost', host.lost, 'count'),
      figure('debian_packets_lost', debian.lost, 'count'),
      figure(
        'events_missing',
        missing(host.events, sensor.events) + missing(debian.events, sensor.events),
        'count',
      ),
      figure('events_only_in_sensor', missing(sensor.events, host.events), 'count'),
      ...Object.entries(sensor.events).map(([type, count]) =>
        figure(`sensor_events_${type}`, count, 'count'),
      ),
      ...Object.entries(host.events).map(([type, count]) => figure(`host_events_${type}`, count, 'count')),
    ],
    targets: [
      { figure: 'sensor_over_host', min: 0.98 },
      { figure: 'sensor_over_debian', min: 0.98 },
      { figure: 'events_missing', max: 0 },
      { figure: 'sensor_packets_lost', max: 0 },
    ],
    versions: { suricata },
    notes: [
      "sensor: the instrument's default configuration in its container, behind monitor interface, capture engine and fan-out",
      "host: the same binary and configuration as root directly on the host; debian: the same with Debian's default configuration",
      'processor time is that of the Suricata process; a ratio is the median over the rounds',
    ],
  };
}

function lastOf(rates: Rates): string {
  const words = Object.entries(rates).map(
    ([name, values]) => `${name} ${String(Math.round(values.at(-1) ?? 0))}`,
  );
  return `${words.join(', ')} packets per second of processor time`;
}

/** Median of the rounds' own ratios: what else the machine did in a round hits both. */
function ratio(ours: readonly number[], theirs: readonly number[]): number {
  return Math.round(median(ours.map((value, round) => value / (theirs[round] ?? NaN))) * 1000) / 1000;
}

/** Events of `wanted` that `got` lacks, over all types that protocols give. */
function missing(wanted: Counts, got: Counts): number {
  return Object.entries(wanted)
    .filter(([type]) => !NOT_COMPARED.has(type))
    .reduce((sum, [type, count]) => sum + Math.max(0, count - (got[type] ?? 0)), 0);
}

async function suricataVersion(folder: string): Promise<string> {
  const { stdout } = await run('chroot', [join(folder, 'host-root'), '/usr/bin/suricata', '-V']);
  return /version ([0-9.]+)/.exec(stdout)?.[1] ?? 'unknown';
}

function figure(name: string, value: number, unit: string): Figure {
  return { name, value, unit };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
