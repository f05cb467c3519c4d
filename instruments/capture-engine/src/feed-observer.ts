import { randomUUID } from 'node:crypto';
import { runProgram } from './command.ts';
import { FEED_TABLE, ONE_IN, renderFeedRules } from './feed-rules.ts';
import {
  countConversations,
  fillOf,
  readFeedState,
  vlansOf,
  type FeedReport,
  type FeedState,
} from './feed-report.ts';

/** A set this full may have turned a direction away: one-sidedness cannot be told, and fewer are to be observed. */
const FULL = 0.9;
/** A set this empty has room for four times as many conversations, and stays below full. */
const ROOMY = 0.15;
/** Packets per second above which fewer conversations are observed, so that observing costs next to nothing. */
const BUSY_PER_S = 50_000;
const MAX_LISTING = 8 << 20;

/**
 * Observes the feed in the kernel, without reading a packet: rules fill bounded sets, and this reads the sets.
 *
 * INVARIANTS: looks run one at a time; a fault here never touches the forwarding; the memory of the rules is bounded
 * whatever arrives. When the sets fill up or packets are many, only one in 4, 16, ... conversations is observed.
 */
export class FeedObserver {
  readonly #inputs: readonly string[];
  readonly #windowS: number;
  readonly #now: () => number;
  #level = 0;
  #since = '';
  #installedMs = 0;
  /** Packets counted by the rules that stand now. */
  #last: { atMs: number; packets: number } | undefined;
  #reports: FeedReport[] = [];
  #fault: string | undefined;
  #work: Promise<unknown> = Promise.resolve();

  constructor(inputs: readonly string[], windowS: number, now: () => number = () => performance.now()) {
    this.#inputs = inputs;
    this.#windowS = windowS;
    this.#now = now;
  }

  /** What the last look saw; empty before the first. */
  get reports(): readonly FeedReport[] {
    return this.#reports;
  }

  /** Why there is nothing to see, in words. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Reads the sets; installs the rules first where they are missing. Never rejects. */
  look(): Promise<void> {
    const next = this.#work.then(() => this.#look());
    this.#work = next.catch(() => undefined);
    return next;
  }

  async #look(): Promise<void> {
    try {
      const state = await this.#read();
      if (state === undefined) await this.#install(this.#level);
      else await this.#take(state);
      this.#fault = undefined;
    } catch (error) {
      this.#reports = [];
      this.#fault = error instanceof Error ? error.message : String(error);
    }
  }

  async #read(): Promise<FeedState | undefined> {
    if (this.#since === '') return undefined; // ours are not there yet; what stands is of a former program
    const json = await runProgram(
      '/usr/sbin/nft',
      ['-j', 'list', 'table', 'netdev', FEED_TABLE],
      '',
      MAX_LISTING,
    ).catch(() => undefined);
    if (json === undefined) return undefined;
    const state = readFeedState(json);
    return this.#inputs.every((input) => state.chains.has(`${input}_observe`)) ? state : undefined;
  }

  async #install(level: number): Promise<void> {
    this.#level = level;
    // CAP_NET_ADMIN over the container's own network namespace, and over nothing else.
    await runProgram('/usr/sbin/nft', ['-f', '-'], renderFeedRules(this.#inputs, level, this.#windowS));
    this.#since = randomUUID();
    this.#installedMs = this.#now();
    this.#last = undefined;
  }

  async #take(state: FeedState): Promise<void> {
    const fill = Math.max(...this.#inputs.map((input) => fillOf(state, input)));
    // A direction of which nothing was seen for a whole window is missing; before that it may only be late.
    const settled = this.#now() - this.#installedMs >= this.#windowS * 1000 && fill < FULL;
    this.#reports = this.#inputs.map((input) => ({
      interface: input,
      since: this.#since,
      windowS: this.#windowS,
      packets: state.counters.get(`${input}_packets`) ?? 0,
      vlans: vlansOf(state, input),
      oneIn: ONE_IN[this.#level] ?? 1,
      ...(settled ? { conversations: countConversations(state, input) } : {}),
      duplicates: {
        sampled: state.counters.get(`${input}_sampled`) ?? 0,
        seen: state.counters.get(`${input}_duplicates`) ?? 0,
      },
    }));
    const rate = this.#ratePerS();
    const sampled = (level: number) => BUSY_PER_S * (ONE_IN[level] ?? 1);
    if ((fill >= FULL || rate > sampled(this.#level)) && this.#level < ONE_IN.length - 1) {
      await this.#install(this.#level + 1);
    } else if (settled && fill < ROOMY && this.#level > 0 && rate < sampled(this.#level - 1) / 2) {
      await this.#install(this.#level - 1);
    }
  }

  /** Packets per second since the last look, on all interfaces. */
  #ratePerS(): number {
    const now = { atMs: this.#now(), packets: this.#reports.reduce((sum, { packets }) => sum + packets, 0) };
    const last = this.#last;
    this.#last = now;
    return last === undefined ? 0 : ((now.packets - last.packets) / Math.max(1, now.atMs - last.atMs)) * 1000;
  }
}
