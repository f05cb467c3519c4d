import { readFileSync } from 'node:fs';
import { run } from '@bulkhead/platform/kernel';
import { storeCipher } from '@bulkhead/platform/bus';
import type { Instrument } from '@bulkhead/sdk';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';
import type { Bench, BenchContext, Measurement } from '../result.ts';
import { eveLines } from './eve-records.ts';

const RECORD_BYTES = 700;
/** Records of one round, some 14 MB and 0.2 s; encrypted and clear take turns, and who begins changes. */
const ROUND_RECORDS = 20_000;
const ROUNDS = 120;
/** No further pair is begun after this long, so that a slow disk ends the run in time. */
const MEASURE_MS = 80_000;

interface Side {
  /** Processor time of the server in all rounds, in ticks of 10 ms. */
  serverTicks: number;
  name: 'encrypted' | 'clear';
  bench: BusBench;
  instrument: Instrument;
  rates: number[];
}

/** Durable, acknowledged EVE records per second from the sdk to the stream, encrypted and in the clear. */
export const bench: Bench = {
  name: 'bus',
  title:
    'durable, acknowledged EVE records (700 bytes) from the sdk to the stream, encrypted and in the clear',
  timeoutMs: 150_000,
  run: measure,
};

async function measure(context: BenchContext): Promise<Measurement> {
  const lines = eveLines(20_000, RECORD_BYTES);
  const meanBytes = lines.reduce((sum, line) => sum + line.length, 0) / lines.length;
  const sides: Side[] = [];
  try {
    for (const name of ['encrypted', 'clear'] as const) sides.push(await openSide(name));
    for (const side of sides) for (let i = 0; i < 3; i += 1) await publishRound(side, lines, ROUND_RECORDS);
    const ratios: number[] = [];
    const until = performance.now() + MEASURE_MS;
    for (let round = 0; round < ROUNDS && performance.now() < until; round += 1) {
      context.signal.throwIfAborted();
      const order = round % 2 === 0 ? sides : [...sides].reverse();
      for (const side of order) side.rates.push(await publishRound(side, lines, ROUND_RECORDS));
      const [encrypted = 0, clear = 1] = sides.map((side) => side.rates.at(-1) ?? 0);
      ratios.push(encrypted / clear);
      if (round % 10 !== 9) continue;
      context.progress(
        `pair ${String(round + 1)}: ${String(Math.round(encrypted))} encrypted, ${String(Math.round(clear))} clear records/s`,
      );
    }
    for (const side of sides) await checkStored(side);
    const [encrypted, clear] = sides;
    const cipher = storeCipher(readFileSync('/proc/cpuinfo', 'utf8'));
    const version = await run(sides[0]?.bench.natsServer ?? 'nats-server', ['--version']);
    return {
      figures: [
        {
          name: 'encrypted_records_per_s',
          value: Math.round(median(encrypted?.rates ?? [])),
          unit: 'records/s',
        },
        { name: 'clear_records_per_s', value: Math.round(median(clear?.rates ?? [])), unit: 'records/s' },
        { name: 'encrypted_over_clear', value: round3(middleMean(ratios)), unit: 'ratio' },
        ...sides.map((side) => ({
          name: `${side.name}_server_us_per_record`,
          value: round3((side.serverTicks * 10_000) / side.instrument.counters().stored),
          unit: 'us',
        })),
        { name: 'record_bytes_mean', value: Math.round(meanBytes), unit: 'bytes' },
        { name: 'records_published', value: encrypted?.instrument.counters().stored ?? 0, unit: 'count' },
      ],
      targets: [
        { figure: 'encrypted_records_per_s', min: 50_000 },
        { figure: 'encrypted_over_clear', min: 0.95 },
      ],
      versions: { 'nats-server': version.stdout.trim().replace(/^nats-server: v/, '') },
      notes: [
        `JetStream file store, sync_interval always, cipher ${cipher}; the ratio is the mean of the middle half of ${String(ratios.length)} pairs`,
      ],
    };
  } finally {
    for (const side of sides) await side.bench.dispose();
  }
}

async function openSide(name: Side['name']): Promise<Side> {
  const bench = await openBusBench('bnb');
  const model = busModel([busInstrument('suricata', { publish: ['alert'] })], {
    encrypt: name === 'encrypted',
    streamMib: 2_048,
  });
  await bench.bus.ensure(model);
  return { name, bench, instrument: await bench.instrument(model, 'suricata'), rates: [], serverTicks: 0 };
}

/** Publishes and waits until the last record is acknowledged. Returns records per second. */
async function publishRound(side: Side, lines: readonly Buffer[], records: number): Promise<number> {
  const ticks = serverTicks(side);
  const started = performance.now();
  for (let i = 0; i < records; i += 1) {
    const line = lines[i % lines.length];
    if (line !== undefined) void side.instrument.publishRaw('alert', line);
    if (i % 256 === 0) await side.instrument.ready();
  }
  await side.instrument.flush();
  side.serverTicks += serverTicks(side) - ticks;
  return (records / (performance.now() - started)) * 1_000;
}

/** Processor time of the server so far: fields 14 and 15 of `/proc/<pid>/stat`. */
function serverTicks(side: Side): number {
  const stat = readFileSync(`/proc/${String(side.bench.bus.serverPid() ?? 0)}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** A rate of records that are not in the stream would be worth nothing. */
async function checkStored(side: Side): Promise<void> {
  const counters = side.instrument.counters();
  if (counters.stored !== counters.accepted || counters.rejected + counters.refused > 0) {
    throw new Error(`${side.name}: not every record was stored: ${JSON.stringify(counters)}`);
  }
  const state = (await side.bench.bus.streams()).find((stream) => stream.instrument === 'suricata');
  if (state === undefined || state.bytes < counters.stored * RECORD_BYTES * 0.9) {
    throw new Error(`${side.name}: the stream holds ${String(state?.bytes ?? 0)} bytes, too few`);
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Geometric mean of the middle half: steadier than the median, and as deaf to a round that something else slowed down. */
function middleMean(ratios: readonly number[]): number {
  const sorted = [...ratios].sort((a, b) => a - b);
  const middle = sorted.slice(Math.floor(sorted.length / 4), Math.ceil((sorted.length * 3) / 4));
  return Math.exp(middle.reduce((sum, ratio) => sum + Math.log(ratio), 0) / middle.length);
}

function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
