import { EVENT_SEVERITIES, type EventSeverity, type FleetEvent } from '@bulkhead/fleet-api';
import { plain } from './plain.ts';

/** Alerts of one signature on one sensor, with one of them as the example. */
export interface AlertKind {
  key: string;
  severity: EventSeverity;
  signature: string;
  signatureId: string;
  sensor: string;
  instrument: string;
  count: number;
  first: string;
  last: string;
  example: { event: string; source: string; destination: string };
}

/** What may come in the type of an event that holds an alert. */
export function isAlertType(type: string): boolean {
  return type === 'alert' || type.endsWith('.alert');
}

/** Reads what is told of an alert; everything in it may be an attacker's words. */
export function alertKind({
  id,
  sensor,
  instrument,
  time,
  severity,
  record,
}: Pick<FleetEvent, 'id' | 'sensor' | 'instrument' | 'time' | 'severity' | 'record'>): AlertKind {
  const alert = (typeof record['alert'] === 'object' ? record['alert'] : null) as Record<
    string,
    unknown
  > | null;
  const signature = plain(alert?.['signature'], 200) || 'an alert without a signature';
  const signatureId = plain(alert?.['signature_id'], 20);
  return {
    key: JSON.stringify([sensor, instrument, severity, signatureId || signature]),
    ...{ severity, signature, signatureId, sensor, instrument, count: 1, first: time, last: time },
    example: {
      event: id,
      source: endpoint(record['src_ip'], record['src_port']),
      destination: endpoint(record['dest_ip'], record['dest_port']),
    },
  };
}

/** Two that have the same key, as one. */
export function joined(a: AlertKind, b: AlertKind): AlertKind {
  return {
    ...a,
    count: a.count + b.count,
    first: a.first < b.first ? a.first : b.first,
    last: a.last > b.last ? a.last : b.last,
  };
}

/** The worst first, then the most frequent. */
export function worstFirst(a: AlertKind, b: AlertKind): number {
  return bySeverity(a, b) || b.count - a.count;
}

export function bySeverity(a: AlertKind, b: AlertKind): number {
  return EVENT_SEVERITIES.indexOf(b.severity) - EVENT_SEVERITIES.indexOf(a.severity);
}

/**
 * Where the one stands that goes when there is no room for all: of the sensor that has most of them, the least severe, and of those
 * the latest. So a flood at one sensor pushes out its own, and of what floods the worst stays.
 */
export function leastNeeded(kinds: readonly AlertKind[]): number {
  const bySensor = new Map<string, number>();
  for (const { sensor } of kinds) bySensor.set(sensor, (bySensor.get(sensor) ?? 0) + 1);
  let crowded = kinds.at(-1)?.sensor;
  for (const [sensor, count] of bySensor) if (count > (bySensor.get(crowded ?? '') ?? 0)) crowded = sensor;
  const rank = (at: number) => EVENT_SEVERITIES.indexOf(kinds[at]?.severity ?? 'info');
  let least = -1;
  kinds.forEach(({ sensor }, at) => {
    if (sensor === crowded && (least < 0 || rank(at) <= rank(least))) least = at;
  });
  return least;
}

function endpoint(address: unknown, port: unknown): string {
  const host = plain(address, 64);
  const number = plain(port, 5);
  return host === '' || number === ''
    ? host
    : host.includes(':')
      ? `[${host}]:${number}`
      : `${host}:${number}`;
}
