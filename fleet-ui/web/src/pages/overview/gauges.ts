import type { AttentionItem, EventFacets, Sensor } from '@bulkhead/fleet-api';

/** From nothing to a lot; five steps are as many as somebody can tell apart at a glance. */
export const LEVELS = ['none', 'low', 'raised', 'high', 'severe'] as const;
export type Level = (typeof LEVELS)[number];

/** One reason for what a gauge shows. */
export interface Share {
  /** Group, sensor or instrument. */
  of: string;
  kind: 'group' | 'sensor' | 'instrument';
  points: number;
  /** What the points are made of. */
  why: string;
}

export interface Gauge {
  level: Level;
  points: number;
  shares: Share[];
}

/** What one counts for. An alert that somebody has dealt with counts for nothing. */
export const ALERT_POINTS: Readonly<Record<string, number>> = Object.freeze({ high: 10, medium: 3, low: 1 });
export const MATTER_POINTS: Readonly<Record<AttentionItem['severity'], number>> = Object.freeze({
  critical: 10,
  warning: 3,
  info: 0,
});
/** Least points of each level. */
export const STEPS: Readonly<Record<Level, number>> = Object.freeze({
  none: 0,
  low: 1,
  raised: 10,
  high: 50,
  severe: 200,
});

export function levelOf(points: number): Level {
  return [...LEVELS].reverse().find((level) => points >= STEPS[level]) ?? 'none';
}

/** Alerts that nobody has handled, of one sensor and one severity. */
export interface AlertCount {
  severity: string;
  facets: Pick<EventFacets, 'sensors' | 'instruments'>;
}

/**
 * Attacks: what instruments saw. Unhandled alerts of the last day, weighed by severity, added up from instruments and sensors to
 * groups and to the fleet. Pure.
 */
export function attacksGauge(counts: readonly AlertCount[], sensors: readonly Sensor[]): Gauge {
  const bySensor = new Map<string, { points: number; why: string[] }>();
  const byInstrument = new Map<string, { points: number; why: string[] }>();
  for (const { severity, facets } of counts) {
    const each = ALERT_POINTS[severity] ?? 0;
    for (const { value, count } of facets.sensors)
      add(bySensor, value, each * count, `${String(count)} ${severity}`);
    for (const { value, count } of facets.instruments)
      add(byInstrument, value, each * count, `${String(count)} ${severity}`);
  }
  return gauge(bySensor, byInstrument, sensors);
}

/**
 * Threats: what could let an attack pass unseen, or be one already on the way: sensors that are blind, lose packets or are away,
 * certificates that end, rules that are old. From what needs attention now. Pure.
 */
export function threatsGauge(items: readonly AttentionItem[], sensors: readonly Sensor[]): Gauge {
  const bySensor = new Map<string, { points: number; why: string[] }>();
  const byInstrument = new Map<string, { points: number; why: string[] }>();
  for (const { severity, sensor, instrument, title } of items) {
    const points = MATTER_POINTS[severity];
    if (points === 0) continue;
    add(bySensor, sensor ?? 'the fleet itself', points, title);
    if (instrument !== undefined) add(byInstrument, instrument, points, title);
  }
  return gauge(bySensor, byInstrument, sensors);
}

type Tally = Map<string, { points: number; why: string[] }>;

function add(tally: Tally, key: string, points: number, why: string): void {
  const one = tally.get(key) ?? { points: 0, why: [] };
  one.points += points;
  one.why.push(why);
  tally.set(key, one);
}

function gauge(bySensor: Tally, byInstrument: Tally, sensors: readonly Sensor[]): Gauge {
  const known = new Map(sensors.map((sensor) => [sensor.id, sensor]));
  const byGroup: Tally = new Map();
  for (const [id, { points }] of bySensor) {
    const group = known.get(id)?.group?.name;
    if (group !== undefined) add(byGroup, group, points, known.get(id)?.name ?? id);
  }
  const shares = (tally: Tally, kind: Share['kind'], name = (key: string) => key): Share[] =>
    [...tally].map(([key, { points, why }]) => ({
      of: name(key),
      kind,
      points,
      why: why.slice(0, 4).join(', '),
    }));
  const points = [...bySensor.values()].reduce((sum, one) => sum + one.points, 0);
  return {
    level: levelOf(points),
    points,
    shares: [
      ...shares(byGroup, 'group'),
      ...shares(bySensor, 'sensor', (id) => known.get(id)?.name ?? id),
      ...shares(byInstrument, 'instrument'),
    ].sort((a, b) => ORDER[a.kind] - ORDER[b.kind] || b.points - a.points),
  };
}

const ORDER: Readonly<Record<Share['kind'], number>> = { group: 0, sensor: 1, instrument: 2 };
