import { createHash } from 'node:crypto';
import type { AttentionItem, NotificationTopic } from '@bulkhead/fleet-api';
import { plain } from './plain.ts';

/** Something that stands and needs attention, as it is told. */
export interface Matter {
  /** The same for as long as it stands. */
  key: string;
  topic: NotificationTopic;
  severity: AttentionItem['severity'];
  /** It became worse while it stood; as which it was told before. */
  was?: AttentionItem['severity'];
  title: string;
  text: string;
  sensor?: string;
  link?: string;
  /** When it began, as far as it is known; else when it was first seen. ISO 8601. */
  since: string;
}

const SEVERITIES: readonly AttentionItem['severity'][] = ['info', 'warning', 'critical'];

/** Above 0: `a` is worse than `b`. */
export function compareSeverity(a: Pick<Matter, 'severity'>, b: Pick<Matter, 'severity'>): number {
  return SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity);
}

/** By what an id begins with. */
const BY_KIND: readonly (readonly [RegExp, NotificationTopic])[] = [
  [/^blind:/, 'blindness'],
  [/^offline:/, 'offline'],
  [/^certificate:/, 'certificates'],
  [/^(loss|events:(holes|dropped)):/, 'loss'],
  [/^disk:/, 'disk'],
];
/** Behind it stand words of any kind, why the sensor did not take it. */
const NOT_IN_FORCE = /^revision \d{1,15} of the fleet is not in force:/;
/** By the words in which a sensor says it. The first that fits counts. */
const BY_WORDS: readonly (readonly [RegExp, NotificationTopic])[] = [
  [/^the clock\b/i, 'other'],
  [NOT_IN_FORCE, 'other'],
  [
    /\bdetection check\b|\bis not watching\b|\bblind\b|\bfeed\b|\bone-way\b|\bno (traffic|packets)\b/i,
    'blindness',
  ],
  [/\bcertificates?\b/i, 'certificates'],
  [
    /\bdisk\b|\bfull\b|\bfree space\b|\bno space\b|\bcannot write\b|\bnothing is stored\b|\b[MG]iB left\b|\bvolumes?\b/i,
    'disk',
  ],
  [/\blost\b|\blos(es|ing|s)\b|\bdropp?(ed|ing|s)?\b|\bunaccounted\b|\bmissing\b/i, 'loss'],
];
/** Matters whose words or names come from a sensor, in keys as {@link keyOf} makes them. */
const SAID = /^(?:blind|loss|disk|rules|sensor):/;
const DETECTION_CHECK = /^the detection check on (\S{1,64}) did not come back/;

/** @param nowMs for matters that do not say since when they stand */
export function matterOf(item: AttentionItem, nowMs: number): Matter {
  return {
    key: keyOf(item),
    topic: topicOf(item),
    severity: item.severity,
    title: plain(item.title, 160),
    text: plain(item.text, 600),
    ...(item.sensor === undefined ? {} : { sensor: item.sensor }),
    ...(item.link === undefined ? {} : { link: item.link }),
    since: item.since ?? new Date(nowMs).toISOString(),
  };
}

export function topicOf({ id, text }: Pick<AttentionItem, 'id' | 'text'>): NotificationTopic {
  const byKind = BY_KIND.find(([kind]) => kind.test(id));
  if (byKind !== undefined) return byKind[1];
  if (!id.startsWith('sensor:')) return 'other';
  return BY_WORDS.find(([words]) => words.test(text))?.[1] ?? 'other';
}

/**
 * Of which sensor it is told in that sensor's own words or names, of which it may make up as many as it likes. Undefined: the fleet
 * itself found it.
 */
export function saidBy({ key, sensor }: Pick<Matter, 'key' | 'sensor'>): string | undefined {
  return SAID.test(key) ? sensor : undefined;
}

/**
 * What a sensor says in words may hold counts that change from one look to the next (`12 packets of mon were lost`): with other
 * numbers it is the same matter. A detection check that was missed, and a configuration that was not taken, are said by the sensor and
 * known to the fleet, whichever comes first: one matter each.
 */
export function keyOf({ id, sensor, text }: Pick<AttentionItem, 'id' | 'sensor' | 'text'>): string {
  if (!id.startsWith('sensor:') || sensor === undefined) return id;
  const [, monitor] = DETECTION_CHECK.exec(text) ?? [];
  if (monitor !== undefined) return `blind:${sensor}:${monitor}`;
  if (NOT_IN_FORCE.test(text)) return `configuration:${sensor}`;
  const words = text.replaceAll(/\d+(?:[.,:]\d+)*/g, '#');
  return `sensor:${sensor}:${createHash('sha256').update(words).digest('hex').slice(0, 16)}`;
}
