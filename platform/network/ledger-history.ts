import { z } from 'zod';
import type { LedgerLine } from '../contracts/index.ts';

const Reasons = z.record(z.string(), z.number());
const LineSchema = z.object({
  stage: z.enum([
    'nic',
    'guard',
    'capture-link',
    'capture-engine',
    'fan-out',
    'mirror-port',
    'tool',
    'publish',
    'bus',
    'stream',
    'store',
  ]),
  name: z.string(),
  monitor: z.string().exactOptional(),
  unit: z.enum(['packets', 'events', 'messages']),
  in: z.number(),
  out: z.number(),
  held: Reasons,
  lost: Reasons,
  unaccounted: z.number(),
  note: z.string().exactOptional(),
});

/** Every line at one moment. */
export const SnapshotSchema = z.object({ atMs: z.number(), lines: z.array(LineSchema) });
export interface Snapshot {
  /** Epoch milliseconds. */
  atMs: number;
  lines: LedgerLine[];
}

const DENSE_MS = 2 * 3_600_000;
const COARSE_MS = 10 * 60_000;
const KEPT_MS = 24 * 3_600_000;

/**
 * Adds a snapshot and forgets: all are kept for two hours, one in ten minutes for a day. So at most about 270 of one a
 * minute. A clock that was set back drops what lies in its future.
 */
export function remember(history: readonly Snapshot[], snapshot: Snapshot): Snapshot[] {
  const now = snapshot.atMs;
  const kept: Snapshot[] = [];
  for (const old of history) {
    const age = now - old.atMs;
    if (age < 0 || age > KEPT_MS) continue;
    const before = kept.at(-1);
    if (age > DENSE_MS && before !== undefined && old.atMs - before.atMs < COARSE_MS) continue;
    kept.push(old);
  }
  return [...kept, snapshot];
}

/** The newest snapshot that is at least that old, or the oldest there is. */
export function snapshotBefore(history: readonly Snapshot[], atMs: number): Snapshot | undefined {
  return [...history].reverse().find((snapshot) => snapshot.atMs <= atMs) ?? history[0];
}

/**
 * What was counted between two moments. A line that was not there before counts from 0; a count that went back began anew.
 * What is held is of `now` where it is a gauge, which only shows as a negative difference: then it is left as it is.
 */
export function linesBetween(then: readonly LedgerLine[], now: readonly LedgerLine[]): LedgerLine[] {
  const before = new Map(then.map((line) => [keyOf(line), line]));
  return now.map((line) => {
    const old = before.get(keyOf(line));
    if (old === undefined || line.in < old.in) return line;
    return {
      ...line,
      in: line.in - old.in,
      out: line.out - old.out,
      held: minus(line.held, old.held),
      lost: minus(line.lost, old.lost),
      unaccounted: line.unaccounted - old.unaccounted,
    };
  });
}

export function keyOf(line: Pick<LedgerLine, 'stage' | 'name'>): string {
  return `${line.stage} ${line.name}`;
}

function minus(
  now: Readonly<Record<string, number>>,
  then: Readonly<Record<string, number>>,
): Record<string, number> {
  const keys = new Set([...Object.keys(now), ...Object.keys(then)]);
  return Object.fromEntries(
    [...keys]
      .map((key) => [key, (now[key] ?? 0) - (then[key] ?? 0)] as const)
      .filter(([, count]) => count !== 0),
  );
}
