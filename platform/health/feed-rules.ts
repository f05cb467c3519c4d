import type { FeedSettings } from '../contracts/index.ts';
import type { FeedFinding } from './feed-alarms.ts';
import { levelOf, rateOf, tolerance, type FeedBaseline } from './feed-baseline.ts';

/** What the rules judge: everything is already summed up over its window. */
export interface FeedFacts {
  monitor: string;
  device: string;
  settings: FeedSettings;
  baseline: FeedBaseline;
  /** Seconds without any packet, and without any conversation (undefined = conversations cannot be told). */
  silentS: number;
  mutedS: number | undefined;
  packetsPerSecond: number;
  learned: boolean;
  /** VLANs that should be there, with the absence from which on each is missing, and the absence now. */
  vlans: readonly { id: number; patienceS: number; absentS: number }[] | undefined;
  conversations: { total: number; oneSided: number } | undefined;
  duplicates: { sampled: number; seen: number } | undefined;
}

/** Fewer say nothing about the feed. */
const LEAST_CONVERSATIONS = 10;
export const LEAST_SAMPLED = 50;
/** An alarm ends when the value is back within this share of the limit. */
const BACK = 0.7;
/** A capture engine's report may be looked at twice, so this is two reports at least. */
const LOOKS = 3;
/** The rate is already a median of the last looks; a change must last longer than that. */
const RATE_LOOKS = 12;

/** Judges one look. Pure. Each rule is there once, also when it cannot tell. */
export function judgeFeed(facts: FeedFacts): FeedFinding[] {
  return [silence(facts), rate(facts), oneSided(facts), missingVlans(facts), duplicates(facts)];
}

function silence({ monitor, device, settings, silentS, mutedS, baseline }: FeedFacts): FeedFinding {
  const talkedBefore = baseline.conversed && mutedS !== undefined;
  const dead = silentS >= settings.silenceS;
  const muted = talkedBefore && mutedS >= settings.silenceS;
  const forS = dead ? silentS : (mutedS ?? silentS);
  return {
    kind: 'silence',
    // Good is what flows now; a single packet ends no silence of a feed that carried conversations.
    verdict: dead || muted ? 'bad' : silentS > 0 || (talkedBefore && mutedS > 0) ? 'between' : 'good',
    patience: 1,
    observed: dead ? `nothing for ${duration(forS)}` : `no conversation for ${duration(forS)}`,
    expected: `traffic at least every ${duration(settings.silenceS)}`,
    text: dead
      ? `nothing arrives on ${monitor} (${device}) for ${duration(forS)}: the SPAN may have been removed, or its port, TAP or cable is down: check the switch`
      : `only the switch itself talks on ${monitor} (${device}), no conversation for ${duration(forS)}: the SPAN may have been removed: check the switch`,
  };
}

function rate({ monitor, settings, packetsPerSecond, baseline, learned, silentS }: FeedFacts): FeedFinding {
  const finding = { kind: 'rate' as const, observed: perSecond(packetsPerSecond) };
  const least = settings.minPacketsPerSecond;
  if (least !== undefined && packetsPerSecond < least) {
    return {
      ...finding,
      verdict: 'bad',
      patience: LOOKS,
      expected: `at least ${perSecond(least)}`,
      text: `${monitor} sees ${perSecond(packetsPerSecond)}, fewer than the ${perSecond(least)} that are expected: part of the SPAN's sources may have been removed: check the switch`,
    };
  }
  const usual = perSecond(rateOf(baseline.mean));
  if (!learned || silentS >= settings.silenceS) {
    const good = least !== undefined && packetsPerSecond >= least;
    return { ...finding, verdict: good ? 'good' : 'unknown', patience: LOOKS, expected: usual, text: '' };
  }
  const distance = levelOf(packetsPerSecond) - baseline.mean;
  const limit = tolerance(baseline);
  const words = distance < 0 ? 'far fewer packets' : 'far more packets';
  const check =
    distance < 0
      ? 'sources of the SPAN may have been removed, or a link behind it is down'
      : 'sources may have been added to the SPAN, or something floods the network';
  return {
    ...finding,
    verdict: Math.abs(distance) > limit ? 'bad' : Math.abs(distance) > BACK * limit ? 'between' : 'good',
    patience: RATE_LOOKS,
    expected: `about ${usual}`,
    text: `${monitor} sees ${words} than usual (${perSecond(packetsPerSecond)}, usually ${usual}): ${check}: check the switch`,
  };
}

function oneSided({ monitor, settings, conversations }: FeedFacts): FeedFinding {
  const limit = settings.oneSidedPercent;
  const percent = share(conversations?.oneSided ?? 0, conversations?.total ?? 0);
  return {
    kind: 'one-sided',
    verdict:
      conversations === undefined || conversations.total < LEAST_CONVERSATIONS
        ? 'unknown'
        : verdictAbove(percent, limit),
    patience: LOOKS,
    observed: `${whole(percent)} % of ${whole(conversations?.total ?? 0)} conversations in one direction only`,
    expected: `less than ${String(limit)} %`,
    text: `${whole(percent)} % of the conversations on ${monitor} are seen in one direction only: only one direction may be mirrored, or the way back takes another link: check the SPAN's direction and sources at the switch`,
  };
}

function missingVlans({ monitor, vlans }: FeedFacts): FeedFinding {
  const missing = (vlans ?? []).filter(({ absentS, patienceS }) => absentS >= patienceS);
  const names = list(missing.map(({ id }) => id));
  return {
    kind: 'vlan-missing',
    verdict: vlans === undefined ? 'unknown' : missing.length > 0 ? 'bad' : 'good',
    patience: 1,
    observed: missing.length === 0 ? 'all are there' : `not seen: ${names}`,
    expected: `VLAN ${list((vlans ?? []).map(({ id }) => id))}`,
    text: `VLAN ${names} is not seen on ${monitor} any more: it may have been taken out of the SPAN's sources or off the trunk: check the switch`,
  };
}

function duplicates({ monitor, settings, duplicates: counted }: FeedFacts): FeedFinding {
  const limit = settings.duplicatePercent;
  const percent = duplicateShare(counted);
  return {
    kind: 'duplicates',
    verdict:
      counted === undefined || counted.sampled + counted.seen < LEAST_SAMPLED
        ? 'unknown'
        : verdictAbove(percent, limit),
    patience: LOOKS,
    observed: `${whole(percent)} % of the sampled packets came twice`,
    expected: `less than ${String(limit)} %`,
    text: `${whole(percent)} % of the packets on ${monitor} are duplicates: the SPAN may mirror both ports of the same traffic, or both rx and tx of a VLAN: check its sources at the switch`,
  };
}

/** Percent of packets that are a repetition of one seen just before. */
export function duplicateShare(counted: { sampled: number; seen: number } | undefined): number {
  return share(counted?.seen ?? 0, (counted?.sampled ?? 0) + (counted?.seen ?? 0));
}

export function share(part: number, of: number): number {
  return of <= 0 ? 0 : (100 * part) / of;
}

function verdictAbove(percent: number, limit: number): FeedFinding['verdict'] {
  return percent >= limit ? 'bad' : percent > BACK * limit ? 'between' : 'good';
}

function list(ids: readonly number[]): string {
  const shown = ids.slice(0, 8).map(String);
  return ids.length > shown.length
    ? `${shown.join(', ')} and ${String(ids.length - shown.length)} more`
    : shown.join(', ');
}

function whole(value: number): string {
  return String(Math.round(value));
}

function perSecond(rate_: number): string {
  return `${rate_ >= 10 ? whole(rate_) : rate_.toFixed(1)} packets/s`;
}

function duration(seconds: number): string {
  if (seconds < 120) return `${whole(seconds)} s`;
  return seconds < 7200 ? `${whole(seconds / 60)} min` : `${whole(seconds / 3600)} h`;
}
