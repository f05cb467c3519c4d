import type { Sensor, SensorBrief } from '@bulkhead/fleet-api';

/** A sensor with what it says of itself, where that is known already. */
export interface SensorRow {
  sensor: Sensor;
  /** Undefined: nothing was heard of it since fleetd started. */
  brief: SensorBrief | undefined;
}

/** Rules that have not changed for so long do not know what is going round now. */
export const STALE_RULES_DAYS = 14;
const DAY_MS = 86_400_000;

/** Joins the entries of sensors with how they are. Pure. */
export function sensorRows(sensors: readonly Sensor[], briefs: readonly SensorBrief[]): SensorRow[] {
  const known = new Map(briefs.map((brief) => [brief.sensor, brief]));
  return sensors.map((sensor) => ({ sensor, brief: known.get(sensor.id) }));
}

/** Age of a ruleset in whole days; undefined where nobody knows. Pure. */
export function rulesAgeDays(since: string | undefined, nowMs: number): number | undefined {
  const ageMs = nowMs - Date.parse(since ?? '');
  return Number.isNaN(ageMs) ? undefined : Math.max(0, Math.floor(ageMs / DAY_MS));
}

/** Share of what was received that was lost. Pure. */
export function lossOf(brief: Pick<SensorBrief, 'lost' | 'received'> | undefined): number {
  return brief === undefined || brief.lost === 0 ? 0 : brief.lost / Math.max(1, brief.received);
}
