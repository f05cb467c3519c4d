import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mountImage, type VolatileDisk } from './volatile-disk.ts';

/** Something that promises durability: it runs on a disk, and its remains are looked at after each cut. */
export interface Durable {
  /**
   * Writes until the signal is aborted, and calls `acknowledge` with the id of each record exactly when the store said
   * that the record is durable. Rejecting ends the rounds.
   */
  write(acknowledge: (id: string) => void, signal: AbortSignal): Promise<void>;
  /** Reads everything that the store holds below the folder, as a process that starts after the boot does. */
  read(folder: string, round: number): Promise<string[]>;
}

export interface PowerCutOptions {
  disk: VolatileDisk;
  /** Folder for images and mount points, on a file system of its own. */
  scratch: string;
  rounds: number;
  /** All chance comes from it; printed with what failed. */
  seed: number;
  /** Longest burst of writing before a cut. */
  burstMs: number;
  /** Most write requests between the last acknowledgement that counts and the cut. Default 12. */
  waitWrites?: number;
}

/** What the rounds showed. */
export interface PowerCutResult {
  rounds: number;
  /** Records acknowledged over all rounds, and records read after the last cut. */
  acknowledged: number;
  stored: number;
  /** Sectors or blocks in the disk's cache at the cuts, and those that survived. */
  unflushed: number;
  survived: number;
  /** Acknowledged before a cut and not there after it; at most 20 are named. */
  lost: string[];
  /** There more than once. */
  repeated: string[];
}

/**
 * Cuts the power of a disk again and again while something writes to it. Each cut falls into a burst of writing, at a
 * random moment; what was acknowledged before it has to be on what is left, once. One continuous run: what later cuts
 * leave holds what earlier ones had to hold.
 */
export async function underPowerCuts(store: Durable, options: PowerCutOptions): Promise<PowerCutResult> {
  const { disk, scratch, rounds, seed, burstMs, waitWrites = 12 } = options;
  const random = chance(seed);
  const acknowledged = new Set<string>();
  const result: PowerCutResult = {
    ...{ rounds: 0, acknowledged: 0, stored: 0, unflushed: 0, survived: 0 },
    ...{ lost: [], repeated: [] },
  };
  for (let round = 0; round < rounds; round += 1) {
    const image = join(scratch, `cut-${String(round)}.img`);
    const burst = new AbortController();
    const writing = store.write((id) => acknowledged.add(id), burst.signal);
    let required: string[];
    try {
      // Whatever is acknowledged when the cut is asked for was acknowledged before it happens.
      await Promise.race([sleep(20 + random() * burstMs), writing]);
      required = [...acknowledged];
      const { unflushed, kept } = await disk.cut(image, {
        seed: Math.floor(random() * 2 ** 32),
        keepPercent: [0, 0, 50, 90, 100][Math.floor(random() * 5)] ?? 0,
        grainBytes: random() < 0.5 ? 512 : 4096,
        // Between two requests of one commit, as often as between two commits.
        waitWrites: Math.floor(random() * (waitWrites + 1)),
      });
      result.unflushed += unflushed;
      result.survived += kept;
    } finally {
      burst.abort();
      await writing;
    }
    const mounted = await mountImage(image, join(scratch, `mount-${String(round)}`));
    try {
      compare(required, await store.read(mounted.path, round), round, result);
    } finally {
      await mounted.unmount();
      await rm(image, { force: true });
    }
    result.rounds += 1;
    result.acknowledged = acknowledged.size;
  }
  return result;
}

function compare(
  required: readonly string[],
  found: readonly string[],
  round: number,
  result: PowerCutResult,
) {
  const times = new Map<string, number>();
  for (const id of found) times.set(id, (times.get(id) ?? 0) + 1);
  const note = (list: string[], id: string) => {
    if (list.length < 20) list.push(`round ${String(round)}: ${id}`);
  };
  for (const id of required) if (!times.has(id)) note(result.lost, id);
  for (const [id, count] of times) if (count > 1) note(result.repeated, id);
  result.stored = times.size;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
