import type { AttentionItem, OpenAlerts, Sensor } from '@bulkhead/fleet-api';

/** From nothing to a lot; five steps are as many as somebody can tell apart at a glance. */
export const LEVELS = ['none', 'low', 'raised', 'high', 'severe'] as const;
export type Level = (typeof LEVELS)[number];

/** A part of what a gauge shows, with the parts that it is made of: fleet, group, sensor, instrument. */
export interface Part {
  /** What people call it. */
  name: string;
  kind: 'group' | 'sensor' | 'instrument';
  /** Of a sensor: where it is looked at. */
  sensor?: string;
  points: number;
  /** What the points are made of, where nothing smaller is. */
  why: string[];
  parts: Part[];
}

export interface Gauge {
  level: Level;
  points: number;
  /** The most first. */
  parts: Part[];
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

/**
 * Attacks: what instruments saw. Alerts of the last day that wait for somebody, weighed by severity, added up from instruments to
 * sensors, to groups and to the fleet. Pure.
 */
export function attacksGauge(counts: OpenAlerts['counts'], sensors: readonly Sensor[]): Gauge {
  return gauge(
    counts.map(({ sensor, instrument, severity, count }) => ({
      sensor,
      instrument,
      points: (ALERT_POINTS[severity] ?? 0) * count,
      why: `${count.toLocaleString('en')} ${severity}`,
    })),
    sensors,
  );
}

/**
 * Threats: what could let an attack pass unseen, or be one already on the way: sensors that are blind, lose packets or are away,
 * certificates that end, rules that are old. From what needs attention now. Pure.
 */
export function threatsGauge(items: readonly AttentionItem[], sensors: readonly Sensor[]): Gauge {
  return gauge(
    items.map(({ severity, sensor, instrument, title }) => ({
      sensor,
      instrument,
      points: MATTER_POINTS[severity],
      why: title,
    })),
    sensors,
  );
}

/** Something that counts, and where it is; without a sensor it is of the fleet itself, without an instrument of the sensor itself. */
interface Counting {
  sensor: string | undefined;
  instrument: string | undefined;
  points: number;
  why: string;
}

function gauge(counting: readonly Counting[], sensors: readonly Sensor[]): Gauge {
  const known = new Map(sensors.map((sensor) => [sensor.id, sensor]));
  const top: Part[] = [];
  let points = 0;
  for (const { sensor, instrument, points: more, why } of counting) {
    if (more === 0) continue;
    points += more;
    const entry = sensor === undefined ? undefined : known.get(sensor);
    const way: Pick<Part, 'kind' | 'name' | 'sensor'>[] =
      sensor === undefined
        ? [{ kind: 'group', name: 'the fleet itself' }]
        : [
            { kind: 'group', name: entry?.group?.name ?? 'in no group' },
            { kind: 'sensor', name: entry?.name ?? sensor, sensor },
            { kind: 'instrument', name: instrument ?? 'the sensor itself' },
          ];
    let parts = top;
    let last: Part | undefined;
    for (const step of way) {
      last = parts.find(({ kind, name }) => kind === step.kind && name === step.name);
      if (last === undefined) parts.push((last = { ...step, points: 0, why: [], parts: [] }));
      last.points += more;
      parts = last.parts;
    }
    last?.why.push(why);
  }
  return { level: levelOf(points), points, parts: sorted(top) };
}

function sorted(parts: readonly Part[]): Part[] {
  return parts
    .map((part) => ({ ...part, parts: sorted(part.parts) }))
    .sort((a, b) => b.points - a.points || (a.name < b.name ? -1 : 1));
}
