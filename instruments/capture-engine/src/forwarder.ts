import { isUp, raise, readLinkCounters, silence, type LinkCounters } from './links.ts';
import { runProgram } from './command.ts';
import type { Pair } from './pairs.ts';
import { readRules, renderRules, TABLE, type RuleState } from './rules.ts';

/**
 * Forwarding in the kernel, inside the container's own network namespace.
 *
 * INVARIANTS: `install` and `repair` do not overlap; rules stand before a link is raised; nothing is taken down at the end:
 * the rules go with the network namespace.
 */
export class Forwarder {
  readonly pairs: readonly Pair[];
  #installed = false;
  #counters: Record<string, number> = {};
  #repairs = 0;
  #work: Promise<unknown> = Promise.resolve();

  constructor(pairs: readonly Pair[]) {
    this.pairs = pairs;
  }

  /** True since the rules stood and the links were up for the first time. */
  get installed(): boolean {
    return this.#installed;
  }

  get counters(): Readonly<Record<string, number>> {
    return this.#counters;
  }

  /** Sets everything up and looks whether it stands. */
  install(): Promise<void> {
    return this.#alone(async () => {
      await this.#install();
      const faults = await this.#look();
      if (faults.length > 0) throw new Error(`the rules do not stand: ${faults.join('; ')}`);
    });
  }

  /** Puts back what is missing. Resolves with what was found, in words; empty = nothing was to do. */
  repair(): Promise<string[]> {
    return this.#alone(async () => {
      const faults = await this.#look();
      if (faults.length === 0) return [];
      this.#repairs += 1;
      await this.#install();
      const left = await this.#look();
      if (left.length > 0) throw new Error(`the rules do not stand: ${left.join('; ')}`);
      return faults;
    });
  }

  /** Refreshes the counters and says what is missing, without putting it back. */
  look(): Promise<string[]> {
    return this.#alone(() => this.#look());
  }

  async #install(): Promise<void> {
    for (const pair of this.pairs) for (const name of [pair.input, pair.output]) await silence(name);
    // CAP_NET_ADMIN over the container's own network namespace, and over nothing else.
    await runProgram('/usr/sbin/nft', ['-f', '-'], renderRules(this.pairs));
    for (const pair of this.pairs) await raise(pair);
  }

  async #look(): Promise<string[]> {
    let rules: RuleState;
    try {
      rules = readRules(
        await runProgram('/usr/sbin/nft', ['-j', 'list', 'table', 'netdev', TABLE]),
        this.pairs,
      );
    } catch (error) {
      rules = { faults: [error instanceof Error ? error.message : String(error)], counters: {} };
    }
    const faults = [...rules.faults];
    for (const pair of this.pairs) {
      for (const name of [pair.input, pair.output]) {
        if (!(await isUp(name).catch(() => false))) faults.push(`${name} is down`);
      }
    }
    this.#counters = {
      ...rules.counters,
      ...this.#linkCounters(await readLinkCounters()),
      'forward.repairs': this.#repairs,
    };
    if (faults.length === 0) this.#installed = true;
    return faults;
  }

  #linkCounters(links: Map<string, LinkCounters>): Record<string, number> {
    const counters: Record<string, number> = {};
    for (const { input, output } of this.pairs) {
      const from = links.get(input);
      const to = links.get(output);
      counters[`${input}.rx_packets`] = from?.rxPackets ?? 0;
      counters[`${input}.rx_dropped`] = from?.rxDropped ?? 0;
      counters[`${output}.tx_packets`] = to?.txPackets ?? 0;
      counters[`${output}.tx_dropped`] = to?.txDropped ?? 0;
    }
    return counters;
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(work);
    this.#work = result.catch(() => undefined);
    return result;
  }
}
