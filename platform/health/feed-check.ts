import type { FeedSettings, FeedStatus, PlatformEventType } from '../contracts/index.ts';
import { FeedAlarms } from './feed-alarms.ts';
import {
  learnRate,
  learnVlans,
  newBaseline,
  rateOf,
  usualVlans,
  type FeedBaseline,
} from './feed-baseline.ts';
import type { FeedObservation } from './feed-observation.ts';
import { duplicateShare, judgeFeed, LEAST_SAMPLED, share } from './feed-rules.ts';

/** What one {@link FeedCheck} needs. */
export interface FeedCheckParts {
  monitor: string;
  device: string;
  settings: FeedSettings;
  /** What was usual when the sensor ran last. */
  baseline?: FeedBaseline | undefined;
  publish: (
    type: Extract<PlatformEventType, 'feed.alarm' | 'feed.cleared'>,
    record: Record<string, unknown>,
  ) => void;
  now?: () => Date;
}

/** The rate is the median of so many looks. */
const RATES = 7;
/** A pause between two looks longer than this (a suspended machine) says nothing about the feed. */
const LONGEST_LOOK_S = 120;
/** Conversations from which on a feed counts as one that carries some. */
const CONVERSED = 5;

/**
 * Judges the traffic of one monitor interface: is it still what the switch should send? It never counts as a loss.
 *
 * INVARIANTS: `look` is called with rising times by one caller; time that was not observed counts neither as silence nor as
 * absence; memory is bounded by the number of VLANs.
 */
export class FeedCheck {
  readonly #parts: FeedCheckParts;
  readonly #alarms = new FeedAlarms();
  readonly #baseline: FeedBaseline;
  readonly #absentS = new Map<number, number>();
  #last: FeedObservation | undefined;
  #rates: number[] = [];
  #ratePerS: number | undefined;
  #silentS = 0;
  #mutedS: number | undefined;
  #duplicates: { since: string; sampled: number; seen: number } | undefined;
  #judgedDuplicates: { sampled: number; seen: number } | undefined;

  constructor(parts: FeedCheckParts) {
    this.#parts = parts;
    this.#baseline = parts.baseline ?? newBaseline();
    // Those that are expected count as absent from now on, those that were usual as well.
    const expected = parts.settings.expectVlans ?? Object.keys(this.#baseline.vlans).map(Number);
    for (const id of expected) this.#absentS.set(id, 0);
  }

  /** To be kept for the next start. */
  get baseline(): Readonly<FeedBaseline> {
    return this.#baseline;
  }

  get status(): FeedStatus {
    const alarms = this.#alarms.all;
    const { report, unobserved } = this.#last ?? {};
    const conversations = report?.conversations;
    return {
      state: alarms.length > 0 ? 'alarm' : this.#learned ? 'ok' : 'learning',
      alarms,
      ...(this.#ratePerS === undefined ? {} : { packetsPerSecond: round(this.#ratePerS) }),
      ...(this.#learned ? { usualPacketsPerSecond: round(rateOf(this.#baseline.mean)) } : {}),
      ...(report === undefined ? {} : { vlans: report.vlans.map(({ id }) => id) }),
      ...(conversations === undefined || conversations.total === 0
        ? {}
        : { oneSidedPercent: round(share(conversations.oneSided, conversations.total)) }),
      ...(this.#judgedDuplicates === undefined
        ? {}
        : { duplicatePercent: round(duplicateShare(this.#judgedDuplicates)) }),
      ...(unobserved === undefined ? {} : { unobserved }),
    };
  }

  /** Takes one look and tells what changed. */
  look(observation: FeedObservation): void {
    const last = this.#last;
    this.#last = observation;
    const seconds = last === undefined ? 0 : (observation.atMs - last.atMs) / 1000;
    if (
      last === undefined ||
      seconds <= 0 ||
      seconds > LONGEST_LOOK_S ||
      observation.packets < last.packets
    ) {
      return;
    }
    const { settings, monitor, device } = this.#parts;
    const arrived = observation.packets - last.packets;
    this.#silentS = arrived > 0 ? 0 : this.#silentS + seconds;
    this.#smooth(arrived / seconds);
    const silent = this.#silentS >= settings.silenceS;
    // A feed that is silent altogether teaches nothing, and its VLANs are not missing one by one.
    if (!silent)
      learnRate(this.#baseline, this.#ratePerS ?? 0, seconds, settings.learningS, this.#alarms.has('rate'));
    if (observation.report !== undefined) this.#takeReport(observation.report, seconds, arrived > 0);
    const findings = judgeFeed({
      monitor,
      device,
      settings,
      baseline: this.#baseline,
      silentS: this.#silentS,
      mutedS: observation.report === undefined ? undefined : this.#mutedS,
      packetsPerSecond: this.#ratePerS ?? 0,
      learned: this.#learned,
      vlans: observation.report === undefined || silent ? undefined : this.#vlans(),
      conversations: silent ? undefined : observation.report?.conversations,
      duplicates: this.#judgedDuplicates,
    });
    for (const finding of findings) {
      const change = this.#alarms.take(finding, this.#parts.now?.() ?? new Date());
      if (change !== undefined) this.#parts.publish(change.type, { monitor, ...change.alarm });
    }
  }

  get #learned(): boolean {
    return this.#baseline.learnedS >= this.#parts.settings.learningS;
  }

  /** The median of the last looks: a burst does not move it, a change does within half of them. */
  #smooth(perSecond: number): void {
    this.#rates = [...this.#rates.slice(1 - RATES), perSecond];
    this.#ratePerS = [...this.#rates].sort((a, b) => a - b)[Math.floor(this.#rates.length / 2)];
  }

  #takeReport(report: NonNullable<FeedObservation['report']>, seconds: number, flowing: boolean): void {
    const { settings } = this.#parts;
    if (report.conversations !== undefined) {
      if (report.conversations.total >= CONVERSED) this.#baseline.conversed = true;
      this.#mutedS = report.conversations.total > 0 ? 0 : (this.#mutedS ?? 0) + seconds;
    }
    const ago = new Map(report.vlans.map(({ id, agoS }) => [id, agoS]));
    const seen = new Map<number, number>();
    for (const id of new Set([...ago.keys(), ...this.#absentS.keys()])) {
      const before = this.#absentS.get(id) ?? 0;
      const now = Math.min(ago.get(id) ?? Infinity, before + (flowing ? seconds : 0));
      if (now < before || (now === 0 && ago.has(id))) seen.set(id, before);
      this.#absentS.set(id, now);
    }
    learnVlans(
      this.#baseline,
      seen,
      seconds,
      usualVlans(this.#baseline, settings.learningS, settings.silenceS),
    );
    this.#countDuplicates(report);
  }

  #countDuplicates({ since, duplicates }: NonNullable<FeedObservation['report']>): void {
    const begun = this.#duplicates;
    if (begun?.since !== since || duplicates.sampled < begun.sampled || duplicates.seen < begun.seen) {
      this.#duplicates = { since, ...duplicates };
      return;
    }
    const counted = { sampled: duplicates.sampled - begun.sampled, seen: duplicates.seen - begun.seen };
    if (counted.sampled + counted.seen < LEAST_SAMPLED) {
      this.#judgedDuplicates = undefined; // not enough yet: judged once, when it is
      return;
    }
    this.#judgedDuplicates = counted;
    this.#duplicates = { since, ...duplicates };
  }

  #vlans(): { id: number; patienceS: number; absentS: number }[] | undefined {
    const { settings } = this.#parts;
    const expected =
      settings.expectVlans === undefined
        ? usualVlans(this.#baseline, settings.learningS, settings.silenceS)
        : new Map(settings.expectVlans.map((id) => [id, settings.silenceS]));
    if (expected.size === 0 && !this.#alarms.has('vlan-missing')) return undefined;
    return [...expected].map(([id, patienceS]) => ({ id, patienceS, absentS: this.#absentS.get(id) ?? 0 }));
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
