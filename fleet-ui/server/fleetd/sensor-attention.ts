import { createHash } from 'node:crypto';
import type { AttentionItem, LinkView, SensorStatusView } from '@bulkhead/fleet-api';

/** What is known of one sensor now. */
export interface KnownSensor {
  id: string;
  name: string;
  link: LinkView | undefined;
  status: SensorStatusView | undefined;
}

/** A sensor that restarts is away for a moment, and so is everybody when fleetd itself has just started. */
const OFFLINE_MS = 30_000;
/** Of what one sensor says. */
const SAID_MOST = 20;

/**
 * Who is away, and what those who are there say of themselves. Pure.
 * @param startedMs when fleetd started: nobody is late before everybody had time to come back
 */
export function sensorAttention(
  sensors: readonly KnownSensor[],
  startedMs: number,
  nowMs: number,
): AttentionItem[] {
  return sensors.flatMap((sensor) => {
    if (sensor.link?.attached === true) return saidBy(sensor);
    const awayMs = nowMs - Math.max(startedMs, Date.parse(sensor.link?.since ?? '') || 0);
    return awayMs < OFFLINE_MS ? [] : [offline(sensor)];
  });
}

function offline({ id, name, link }: KnownSensor): AttentionItem {
  const why = link?.ended === undefined ? '' : ` The link ended with: ${link.ended.message}`;
  return {
    id: `offline:${id}`,
    severity: 'critical',
    title: `${name} is offline`.slice(0, 160),
    text: `It goes on recording if it runs, and brings its events when it is back. Look whether it has power and network, and at \`bulkhead fleet status\` there.${why}`.slice(
      0,
      1000,
    ),
    sensor: id,
    ...(link?.since === undefined ? {} : { since: link.since }),
    link: `/sensors/${id}`,
  };
}

function saidBy({ id, name, status }: KnownSensor): AttentionItem[] {
  const blind = (status?.monitors ?? []).filter(
    ({ check }) => check?.state === 'blind' || check?.state === 'missed',
  );
  return [
    ...blind.map((monitor): AttentionItem => ({
      id: `blind:${id}:${monitor.name}`,
      severity: 'critical',
      title: `${name} does not see on ${monitor.name}`.slice(0, 160),
      text: 'A marked packet that was injected there did not come back as an alert: what passes there is not watched now.',
      sensor: id,
      link: `/sensors/${id}`,
    })),
    ...(status?.attention ?? []).slice(0, SAID_MOST).map((text): AttentionItem => ({
      // The same words are the same matter.
      id: `sensor:${id}:${createHash('sha256').update(text).digest('hex').slice(0, 16)}`,
      severity: 'warning',
      title: `${name}: ${text.split(/[.;:\n]/, 1)[0] ?? ''}`.slice(0, 160),
      text: text.slice(0, 1000),
      sensor: id,
      link: `/sensors/${id}`,
    })),
  ];
}
