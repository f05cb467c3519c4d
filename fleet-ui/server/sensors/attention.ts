import type { AttentionItem } from '@bulkhead/fleet-api';
import type { CertificateOf } from './authority-port.ts';
import type { Registry, SensorRecord } from './registry.ts';
import type { ReturnRecord } from './return-book.ts';
import type { DesiredRevision, Revisions } from './revisions.ts';

const DAY_MS = 86_400_000;
/** A sensor that is there renews ten days before; with this left something is wrong. */
const WARN_BEFORE_MS = 7 * DAY_MS;

/** What a person should know about the sensors themselves; being offline is for the link to tell. Pure. */
export function attentionOf(now: {
  sensors: readonly SensorRecord[];
  certificates: ReadonlyMap<string, CertificateOf>;
  revisions: ReadonlyMap<string, DesiredRevision>;
  waiting: readonly ReturnRecord[];
  restoredMs: number | undefined;
  now: number;
}): AttentionItem[] {
  const ofFleet = now.restoredMs === undefined ? [] : [restoredItem(now.restoredMs)];
  const ofSensors = now.sensors.flatMap((sensor) => {
    const items: (AttentionItem | undefined)[] = [
      cloneItem(sensor),
      ...now.waiting.filter((one) => one.sensor === sensor.id).map((one) => returnItem(sensor, one)),
      mappingItem(sensor),
      certificateItem(sensor, now.certificates.get(sensor.id), now.now),
      configItem(sensor, now.revisions.get(sensor.id)),
      aheadItem(sensor),
    ];
    return items.filter((item) => item !== undefined);
  });
  return [...ofFleet, ...ofSensors];
}

function restoredItem(restoredMs: number): AttentionItem {
  return {
    id: `restored:${String(restoredMs)}`,
    severity: 'warning',
    title: 'The fleet was restored from a backup',
    text: 'Sensors that were revoked after the backup was made may attach again: revoke them once more, then acknowledge this.',
    since: new Date(restoredMs).toISOString(),
    link: '/sensors',
  };
}

function cloneItem(sensor: SensorRecord): AttentionItem | undefined {
  if (sensor.cloneMs === undefined) return undefined;
  return item(sensor, 'clone', 'critical', 'may exist twice', {
    text: `${sensor.cloneText ?? ''} If the machine was restored from an old copy, revoke the sensor and adopt it again. If not, its key was stolen: revoke it.`,
    sinceMs: sensor.cloneMs,
  });
}

function returnItem(sensor: SensorRecord, request: ReturnRecord): AttentionItem {
  const why =
    request.why === 'forgotten'
      ? 'Its certificate is of this fleet, but the fleet does not remember it: it was restored from a backup.'
      : 'Its certificate has expired while it was away.';
  return item(sensor, `return-${String(request.id)}`, 'info', 'asks to come back', {
    text: `${why} It asks from ${request.address}. Confirm it if this is the machine that you know.`,
    sinceMs: request.askedMs,
  });
}

function mappingItem(sensor: SensorRecord): AttentionItem | undefined {
  if (sensor.state !== 'mapping') return undefined;
  return item(sensor, 'mapping', 'warning', 'waits for its interfaces to be mapped', {
    text: 'It is new hardware: say which of its network interfaces take the place of the former ones. Until then it gets no configuration and watches nothing.',
    sinceMs: sensor.adoptedMs,
  });
}

function certificateItem(
  sensor: SensorRecord,
  certificate: CertificateOf | undefined,
  nowMs: number,
): AttentionItem | undefined {
  if (sensor.state === 'revoked' || certificate === undefined) return undefined;
  const leftMs = certificate.notAfterMs - nowMs;
  if (leftMs > WARN_BEFORE_MS) return undefined;
  const days = Math.ceil(leftMs / DAY_MS);
  return leftMs < 0
    ? item(sensor, 'certificate', 'warning', 'has an expired certificate', {
        text: 'When it is back it asks to return, and somebody has to confirm that.',
        sinceMs: certificate.notAfterMs,
      })
    : item(sensor, 'certificate', 'info', `has a certificate for ${String(days)} more days`, {
        text: 'A sensor that is there renews it by itself. One that comes back later asks to return, and somebody has to confirm that.',
      });
}

function configItem(sensor: SensorRecord, revision: DesiredRevision | undefined): AttentionItem | undefined {
  if (sensor.state === 'revoked') return undefined;
  if (sensor.problem !== undefined) {
    return item(sensor, 'no-configuration', 'warning', 'has no valid configuration in the fleet', {
      text: `${sensor.problem.message.slice(0, 700)} It keeps what it has.`,
      link: `/sensors/${sensor.id}/revisions`,
    });
  }
  const refused = refusedRevision(sensor, revision);
  if (refused === undefined) return undefined;
  const { number, code = '', message = '', resultMs } = refused;
  return item(sensor, 'configuration', 'warning', `did not take revision ${String(number)}`, {
    text: `${message.slice(0, 700)} What it had before is in force.${code === '' ? '' : ` (${code})`}`,
    ...(resultMs === undefined ? {} : { sinceMs: resultMs }),
    link: `/sensors/${sensor.id}/revisions`,
  });
}

/**
 * Number of the revision of which {@link attentionOf} tells that the sensor did not take it; undefined: there is none, or something
 * else is told of its configuration. The sensor says the same in its own words, which need not be told then.
 */
export function refusedBy(
  known: { registry: Pick<Registry, 'find'>; revisions: Pick<Revisions, 'newest'> },
  sensor: string,
): number | undefined {
  const record = known.registry.find(sensor);
  return record && refusedRevision(record, known.revisions.newest(sensor))?.number;
}

function refusedRevision(
  { state, problem }: SensorRecord,
  newest: DesiredRevision | undefined,
): DesiredRevision | undefined {
  return state === 'revoked' || problem !== undefined || newest?.state !== 'failed' ? undefined : newest;
}

function aheadItem(sensor: SensorRecord): AttentionItem | undefined {
  if (sensor.ahead === undefined || sensor.state === 'revoked') return undefined;
  return item(sensor, 'ahead', 'warning', 'has a configuration that the fleet does not know', {
    text: `It has revision ${String(sensor.ahead)}, and this fleet does not know what stands in it: the fleet was restored from a backup. Take over what the sensor has, or send it what the fleet has.`,
    link: `/sensors/${sensor.id}/revisions`,
  });
}

function item(
  sensor: SensorRecord,
  kind: string,
  severity: AttentionItem['severity'],
  title: string,
  more: { text: string; sinceMs?: number; link?: string },
): AttentionItem {
  return {
    id: `${kind}:${sensor.id}`,
    severity,
    title: `${sensor.name} ${title}`.slice(0, 160),
    text: more.text.slice(0, 1000),
    sensor: sensor.id,
    ...(more.sinceMs === undefined ? {} : { since: new Date(more.sinceMs).toISOString() }),
    link: more.link ?? `/sensors/${sensor.id}`,
  };
}
