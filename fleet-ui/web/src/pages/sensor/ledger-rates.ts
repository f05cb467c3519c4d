import type { SeenLedger, SeenLedgerLine } from '@bulkhead/fleet-api';

/** What passes one stage now, and what was lost there since it is counted. */
export interface StageRate {
  /** Each second; undefined until two readings are there. */
  outPerS: number | undefined;
  lostPerS: number | undefined;
  /** Lost in all, with a reason or without. */
  lost: number;
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
          lost: lostOf(line),
          held: sum(line.held),
          in: line.in,
          out: line.out,
        },
      ];
    }),
  );
}

/** Lost for a reason. What is unaccounted is mostly under way while the counters are read, so it is told apart. */
export function lostOf({ lost }: Pick<SeenLedgerLine, 'lost'>): number {
  return sum(lost);
}

function sum(all: Readonly<Record<string, number>>): number {
  return Object.values(all).reduce((total, count) => total + count, 0);
}
