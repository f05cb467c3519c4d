import type { Health } from '@bulkhead/sdk';

/** What decides how the instrument is. */
export interface HealthInput {
  capturing: boolean;
  /** What the instrument is at while it does not capture yet. */
  starting: string;
  /** Why Suricata is gone for good. */
  failed: string | undefined;
  /** Why the wanted rules do not run. */
  refusal: string | undefined;
  /** Rules of the ruleset that was placed; undefined = none yet. */
  placedRules: number | undefined;
  shedding: boolean;
  checksums: 'kernel' | 'strict' | 'ignore';
  counters: Readonly<Record<string, number>>;
}

/** Counters whose growth is a loss, and how it is said. */
const LOSSES: Readonly<Record<string, string>> = {
  'capture.kernel_drops': 'packets were lost because Suricata could not keep up',
  'flow.memcap': 'flows were not tracked for lack of memory',
  'eve.oversize': 'an event was longer than an event may be and was dropped',
  'eve.malformed': 'a line of EVE was not a record and was dropped',
  'eve.refused': 'events of a type that is not granted were dropped',
  'eve.lost': 'events were not stored by the bus',
  'eve.shed': 'events were dropped because the bus took none',
};

const CHECKSUM_SHARE = 0.05;
const CHECKSUM_LEAST = 100;

/**
 * Judges the instrument's state. A loss is reported for as long as it is young, and stands in the counters for ever.
 *
 * INVARIANTS: `judge` may be called at any rate; growth is remembered for `recentMs`.
 */
export class HealthJudge {
  readonly #recentMs: number;
  readonly #now: () => number;
  readonly #last = new Map<string, number>();
  readonly #grewAt = new Map<string, number>();

  constructor(recentMs = 120_000, now: () => number = () => performance.now()) {
    this.#recentMs = recentMs;
    this.#now = now;
  }

  judge(input: HealthInput): Health {
    const { counters } = input;
    if (input.failed !== undefined) return { state: 'failed', detail: input.failed, counters };
    if (!input.capturing) return { state: 'starting', detail: input.starting, counters };
    const blind = missingRules(input);
    if (blind !== undefined) return { state: 'failed', detail: blind, counters };
    const reasons: string[] = [];
    if (input.refusal !== undefined) reasons.push(`the wanted rules do not run: ${input.refusal}`);
    if (input.shedding) reasons.push('the bus takes no events: only alerts, checks and anomalies are kept');
    for (const [name, words] of Object.entries(LOSSES))
      if (this.#grewLately(name, counters[name] ?? 0)) reasons.push(words);
    const bad = counters['tcp.invalid_checksum'] ?? 0;
    const packets = counters['decoder.pkts'] ?? 0;
    if (bad >= CHECKSUM_LEAST && bad > packets * CHECKSUM_SHARE) {
      reasons.push(
        `${String(bad)} of ${String(packets)} packets have a wrong TCP checksum and are not inspected; switch checksum offload off where they are sent or captured`,
      );
    }
    if (reasons.length > 0) return { state: 'degraded', detail: sentence(reasons), counters };
    if (input.checksums === 'ignore') {
      return { state: 'ok', detail: 'Checksums are not verified, as configured.', counters };
    }
    return { state: 'ok', counters };
  }

  #grewLately(name: string, value: number): boolean {
    const last = this.#last.get(name) ?? 0;
    this.#last.set(name, value);
    if (value > last) this.#grewAt.set(name, this.#now());
    const at = this.#grewAt.get(name);
    return at !== undefined && this.#now() - at < this.#recentMs;
  }
}

/** A Suricata that runs other rules than were placed looks healthy and sees nothing; a restart cures it. */
function missingRules({ placedRules, counters }: HealthInput): string | undefined {
  const loaded = counters['rules.loaded'];
  if (placedRules === undefined || loaded === undefined) return undefined;
  if (loaded > 0 && loaded + (counters['rules.skipped'] ?? 0) === placedRules) return undefined;
  return `Suricata runs ${String(loaded)} of ${String(placedRules)} rules.`;
}

function sentence(reasons: readonly string[]): string {
  const text = reasons.join('; ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`.slice(0, 500);
}
