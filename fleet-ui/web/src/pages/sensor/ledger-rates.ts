import type { SeenLedger, SeenLedgerLine } from '@bulkhead/fleet-api';
import { compactNumber, rateWords } from '../../text/number-words.ts';
import { lossNote, type Lost } from './loss-standing.ts';

/** What passes one stage now, and what was lost there since it is counted. */
export interface StageRate extends Required<Lost> {
  /** Each second; undefined until two readings are there. */
  outPerS: number | undefined;
  lostPerS: number | undefined;
  held: number;
  in: number;
  out: number;
}

export type StageRates = ReadonlyMap<string, StageRate>;

/** The line of one thing at one stage. */
export function stageKey(stage: string, name: string): string {
  return `${stage} ${name}`;
}

/** Two readings of the ledger make rates. A counter that went backwards began anew: then there is no rate, not a negative one. */
export function ledgerRates(before: SeenLedger | undefined, now: SeenLedger): StageRates {
  const seconds = before === undefined ? 0 : (Date.parse(now.to) - Date.parse(before.to)) / 1000;
  const earlier = new Map((before?.lines ?? []).map((line) => [stageKey(line.stage, line.name), line]));
  return new Map(
    now.lines.map((line) => {
      const key = stageKey(line.stage, line.name);
      const old = earlier.get(key);
      const rate = (value: (one: SeenLedgerLine) => number): number | undefined => {
        if (old === undefined || seconds <= 0) return undefined;
        const difference = value(line) - value(old);
        return difference < 0 ? undefined : difference / seconds;
      };
      return [
        key,
        {
          outPerS: rate(({ out }) => out),
          lostPerS: rate(lostOf),
          ...lossOf(line),
          held: sum(line.held),
          in: line.in,
          out: line.out,
        },
      ];
    }),
  );
}

/** What a line lost and when, as far as the sensor tells. */
export function lossOf(line: SeenLedgerLine): Required<Lost> {
  const { lostAgoS, lostStarting } = line;
  return { lost: lostOf(line), lostAgoS: countOf(lostAgoS), lostStarting: countOf(lostStarting) };
}

/** A sensor's word for a number is not taken: what is none is not known. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** Lost for a reason. What is unaccounted is mostly under way while the counters are read, so it is told apart. */
export function lostOf({ lost }: Pick<SeenLedgerLine, 'lost'>): number {
  return sum(lost);
}

function sum(all: Readonly<Record<string, number>>): number {
  return Object.values(all).reduce((total, count) => total + count, 0);
}

/** Everything about a way, in words. */
export function wayWords(rate: StageRate | undefined): string {
  if (rate === undefined) return 'not counted';
  const note = lossNote(rate);
  const now = rate.outPerS === undefined ? 'rate not known yet' : `${rateWords(rate.outPerS)} now`;
  return `${now}, ${compactNumber(rate.out)} in all, ${rate.lost === 0 ? 'none' : compactNumber(rate.lost)} lost${note === '' ? '' : `, ${note}`}`;
}
