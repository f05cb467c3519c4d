import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '@bulkhead/platform/kernel';
import type { Load } from './load.ts';
import { hostCounter, type Topology } from './topology.ts';

/** What one burst did. `lossless`: the kernel counted every frame at every output. */
export interface Burst {
  packetsPerSecond: number;
  lossless: boolean;
}

/** One way of mirroring. */
export interface Contender {
  name: string;
  /** Brings it into the state that is measured. */
  prepare(): Promise<void>;
  /** Where the generator sends: a namespace file and a link there. */
  source: { namespace: string; link: string };
  /** Host links whose transmitted packets are the copies, with what each owes for a burst. */
  outputs: { link: string; wants: 'all' | 'dns' }[];
  /** Time that frames may stay in user space after the burst. */
  drainMs: number;
}

interface Sent {
  sent: number;
  failed: number;
  queries: number;
  seconds: number;
}

/** Sends one burst through a contender and counts what came out. */
export async function burst(topology: Topology, contender: Contender, load: Load): Promise<Burst> {
  const before = await Promise.all(contender.outputs.map((output) => hostCounter(output.link, 'tx_packets')));
  const each = [load.packets, load.rate].map((total) => Math.ceil(total / load.generators));
  const results = await Promise.all(
    Array.from({ length: load.generators }, async (_, processor) => {
      const prefix = topology.asArrival(processor);
      const args = [contender.source.link, ...each, load.dnsPermille].map(String);
      const command = [`--net=${contender.source.namespace}`, ...prefix, topology.generator, ...args];
      return JSON.parse((await run('nsenter', command, { timeoutMs: 60_000 })).stdout) as Sent;
    }),
  );
  const total = (field: keyof Sent): number => results.reduce((sum, one) => sum + one[field], 0);
  const seconds = Math.max(...results.map((one) => one.seconds));
  await sleep(contender.drainMs);
  const after = await Promise.all(contender.outputs.map((output) => hostCounter(output.link, 'tx_packets')));
  const lossless = contender.outputs.every(({ wants }, at) => {
    const delivered = (after[at] ?? 0) - (before[at] ?? 0);
    return delivered === total(wants === 'all' ? 'sent' : 'queries');
  });
  return { packetsPerSecond: total('sent') / seconds, lossless: lossless && total('failed') === 0 };
}

/** Steps of the search for the highest rate without loss; the last is within 2 % of the range. */
const SEARCH_STEPS = 6;

/**
 * The highest rate at which nothing is lost. A path in the kernel holds the sender up instead of losing, so that its first,
 * unpaced burst is the answer; for others the rate is searched.
 */
export async function highestLossless(topology: Topology, contender: Contender, load: Load): Promise<number> {
  await contender.prepare();
  const full = await burst(topology, contender, { ...load, rate: 0 });
  if (full.lossless) return full.packetsPerSecond;
  let [best, low, high] = [0, 0, full.packetsPerSecond];
  for (let step = 0; step < SEARCH_STEPS; step += 1) {
    const rate = (low + high) / 2;
    // Held for seconds, else a buffer would pass for a rate.
    const packets = Math.max(1_000, Math.round(rate * SEARCH_SECONDS));
    const tried = await burst(topology, contender, { ...load, packets, rate });
    if (tried.lossless) {
      best = Math.max(best, tried.packetsPerSecond);
      low = rate;
    } else {
      high = rate;
    }
  }
  return best;
}
/** How long a rate must be held in the search. */
const SEARCH_SECONDS = 4;

/** daemonlogger, one process for each output, as its manual says for a soft tap. */
export async function startDaemonloggers(
  input: string,
  outputs: readonly string[],
): Promise<() => Promise<void>> {
  const children: ChildProcess[] = outputs.map((output) =>
    spawn('daemonlogger', ['-i', input, '-o', output], {
      stdio: ['ignore', 'ignore', 'ignore'],
    }),
  );
  const failed = new Promise<never>((_, reject) => {
    for (const child of children) {
      child.once('error', reject);
      child.once('exit', (code) => {
        reject(new Error(`daemonlogger ended by itself with status ${String(code)}`));
      });
    }
  });
  failed.catch(() => undefined); // also when nobody waits any more
  await Promise.race([failed, sleep(1_500)]);
  return async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.pid === undefined) continue;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
  };
}
