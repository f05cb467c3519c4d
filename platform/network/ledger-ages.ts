import { z } from 'zod';
import type { LedgerLine } from '../contracts/index.ts';
import { keyOf } from './ledger-history.ts';
import { sum } from './ledger-lines.ts';

const AgeSchema = z.object({ lost: z.number(), starting: z.number(), lastMs: z.number() });

/** As they are kept in the run folder, by stage and name of the line. */
export const LossAgesSchema = z.record(z.string(), AgeSchema);

/** When the losses of each line grew last (epoch milliseconds), and how much of them is from the start. */
export type LossAges = Readonly<Record<string, Readonly<z.infer<typeof AgeSchema>>>>;

/**
 * Notes at which lines more is lost than before. What counts less than before began anew; it did not grow. Pure.
 * @param isStarting whether not every instrument behind the line has seen yet: what is lost then is told apart
 */
export function agedBy(
  before: LossAges,
  { atMs, lines }: { atMs: number; lines: readonly LedgerLine[] },
  isStarting: (line: LedgerLine) => boolean,
): LossAges {
  return Object.fromEntries(
    lines.flatMap((line) => {
      const key = keyOf(line);
      const lost = sum(line.lost);
      const old = before[key];
      if (old === undefined && lost === 0) return [];
      const { lost: known, starting, lastMs } = old ?? { lost: 0, starting: 0, lastMs: atMs };
      if (lost <= known) return [[key, { lost, starting: Math.min(starting, lost), lastMs }]];
      const early = isStarting(line) ? lost - known : 0;
      return [[key, { lost, starting: starting + early, lastMs: atMs }]];
    }),
  );
}

/**
 * A line that says how old its losses are. Pure.
 * @param begins the line counts from the start, and every instrument behind it has seen since: only then a part of the losses
 * can be told to be of the start, and over
 */
export function withAge(line: LedgerLine, ages: LossAges, nowMs: number, begins: boolean): LedgerLine {
  const age = ages[keyOf(line)];
  if (age === undefined || sum(line.lost) === 0) return line;
  return {
    ...line,
    lostAgoS: Math.max(0, Math.round((nowMs - age.lastMs) / 1000)),
    ...(begins && age.starting > 0 ? { lostStarting: age.starting } : {}),
  };
}
