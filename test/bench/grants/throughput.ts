import type { Instrument } from '@bulkhead/sdk';
import { busModel, openBusBench, type BusBench } from '../../support/nats.ts';
import { eveLines } from '../bus/eve-records.ts';
import type { BenchContext, Figure } from '../result.ts';
import { ring } from './revocations.ts';

const RECORD_BYTES = 700;
const ROUND_RECORDS = 10_000;
/** Each time with servers and connections of its own: one that is faster than its like stays so for its whole life (up to 6 %). */
const OPENINGS = 8;
const PAIRS_EACH = 20;
const MEASURE_MS = 110_000;

const SIDES: readonly number[] = [50, 2];

interface Side {
  accounts: number;
  bench: BusBench;
  publisher: Instrument;
  rates: number[];
}

/** One publisher on a bus with 50 accounts, all of them connected, and on one with 2, in turns. */
export async function measureThroughput(
  context: BenchContext,
): Promise<{ figures: Figure[]; pairs: number }> {
  const lines = eveLines(ROUND_RECORDS, RECORD_BYTES);
  const rates = new Map(SIDES.map((accounts) => [accounts, [] as number[]]));
  const ratios: number[] = [];
  const until = performance.now() + MEASURE_MS;
  for (let opening = 0; opening < OPENINGS && performance.now() < until; opening += 1) {
    const found = await measureOpening(opening, lines, context.signal);
    for (const { accounts, rates: some } of found) rates.get(accounts)?.push(...some);
    const [many = [], few = []] = SIDES.map((one) => found.find(({ accounts }) => accounts === one)?.rates);
    ratios.push(middleMean(many.map((rate, i) => rate / (few[i] ?? NaN))));
    context.progress(
      `opening ${String(opening + 1)}: ${String(Math.round(middleMean(many)))} records/s with 50 accounts, ${String(Math.round(middleMean(few)))} with 2`,
    );
  }
  return {
    pairs: ratios.length * PAIRS_EACH,
    figures: [
      ...[...rates].map(([accounts, some]) => ({
        name: `records_per_s_${String(accounts)}_accounts`,
        value: Math.round(middleMean(some)),
        unit: 'records/s',
      })),
      {
        name: 'throughput_50_over_2',
        value: Math.round(middleMean(ratios) * 1_000) / 1_000,
        unit: 'ratio',
      },
    ],
  };
}

/** Pairs of rounds with servers that are started now and stopped after it. */
async function measureOpening(
  opening: number,
  lines: readonly Buffer[],
  signal: AbortSignal,
): Promise<Side[]> {
  const sides: Side[] = [];
  try {
    for (const accounts of opening % 2 === 0 ? SIDES : [...SIDES].reverse())
      sides.push(await openSide(accounts));
    for (const side of sides) for (let i = 0; i < 3; i += 1) await publishRound(side, lines);
    for (let pair = 0; pair < PAIRS_EACH; pair += 1) {
      signal.throwIfAborted();
      for (const side of pair % 2 === 0 ? sides : [...sides].reverse())
        side.rates.push(await publishRound(side, lines));
    }
    for (const side of sides) checkStored(side);
    return sides;
  } finally {
    for (const side of sides) await side.bench.dispose();
  }
}

async function openSide(accounts: number): Promise<Side> {
  const bench = await openBusBench('bnt');
  const instruments = ring(accounts);
  const first = instruments[0];
  if (first === undefined) throw new TypeError('no instruments');
  const model = busModel([first, ...instruments.slice(1)], { streamMib: 2_048 });
  await bench.bus.ensure(model);
  const publisher = await bench.instrument(model, first.name);
  for (const { name } of instruments.slice(1)) await bench.instrument(model, name);
  return { accounts, bench, publisher, rates: [] };
}

/** Publishes and waits until the last record is acknowledged. Returns records per second. */
async function publishRound({ publisher }: Side, lines: readonly Buffer[]): Promise<number> {
  const started = performance.now();
  let i = 0;
  for (const line of lines) {
    void publisher.publishRaw('alert', line);
    i += 1;
    if (i % 256 === 0) await publisher.ready();
  }
  await publisher.flush();
  return (lines.length / (performance.now() - started)) * 1_000;
}

function checkStored({ accounts, publisher }: Side): void {
  const { accepted, stored, refused, rejected } = publisher.counters();
  if (stored !== accepted || refused + rejected > 0)
    throw new Error(`with ${String(accounts)} accounts not every record was stored`);
}

/** Geometric mean of the middle half: steadier than the median, and as deaf to a round that something else slowed down. */
function middleMean(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.slice(Math.floor(sorted.length / 4), Math.ceil((sorted.length * 3) / 4));
  return Math.exp(middle.reduce((sum, value) => sum + Math.log(value), 0) / middle.length);
}
