import { createHash } from 'node:crypto';
import type { AttentionItem, LinkView, MonitorView, SensorStatusView } from '@bulkhead/fleet-api';
import { timeOf } from '../link/index.ts';

/** What is known of one sensor now. */
export interface KnownSensor {
  id: string;
  name: string;
  link: LinkView | undefined;
  status: SensorStatusView | undefined;
  /** The revision of which the fleet tells by itself that the sensor did not take it; asked when the sensor says so. */
  refused?: () => number | undefined;
}

/** A sensor that restarts is away for a moment, and so is everybody when fleetd itself has just started. */
const OFFLINE_MS = 30_000;
const DAY_MS = 86_400_000;
/** Rules that did not change for so long do not know what is going round now. */
const STALE_RULES_MS = 14 * DAY_MS;
const FULL_WARN_PERCENT = 90;
const FULL_PERCENT = 97;
/** Of what was received. */
const MUCH_LOST_PERCENT = 1;
/** Of what one sensor says in words. */
const SAID_MOST = 20;
/** Of everything about one sensor: what it makes up must not crowd out the others. */
const OF_ONE_MOST = 40;
/** As a sensor begins to say it. */
const NOT_IN_FORCE = /^revision (\d{1,15}) of the fleet is not in force:/;

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
    if (sensor.link?.attached === true) return worst(saidBy(sensor, nowMs));
    const awayMs = nowMs - Math.max(startedMs, Date.parse(sensor.link?.since ?? '') || 0);
    return awayMs < OFFLINE_MS ? [] : [offline(sensor)];
  });
}

function worst(items: readonly AttentionItem[]): AttentionItem[] {
  const isCritical = ({ severity }: AttentionItem) => severity === 'critical';
  return [...items.filter(isCritical), ...items.filter((item) => !isCritical(item))].slice(0, OF_ONE_MOST);
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

function saidBy({ id, name, status, refused }: KnownSensor, nowMs: number): AttentionItem[] {
  if (status === undefined) return [];
  const blind = status.monitors.filter(({ check }) => check?.state === 'blind' || check?.state === 'missed');
  const losing = status.monitors.filter((monitor) => isLosing(monitor, status.attention));
  const notTaken = status.attention.some((text) => NOT_IN_FORCE.test(text)) ? refused?.() : undefined;
  // What the fleet tells in its own words is not told twice.
  const told = (text: string): boolean =>
    blind.some((monitor) => text.startsWith(`the detection check on ${monitor.name} did not come back`)) ||
    losing.some((monitor) => saysLost(text, monitor)) ||
    saysRefused(text, notTaken);
  return [
    ...blind.map((monitor): AttentionItem => ({
      id: `blind:${id}:${monitor.name}`,
      severity: 'critical',
      title: `${name} does not see on ${monitor.name}`.slice(0, 160),
      text: 'A marked packet that was injected there did not come back as an alert: what passes there is not watched now.',
      sensor: id,
      link: `/sensors/${id}`,
    })),
    ...losing.map((monitor) => lossItem({ id, name }, monitor)),
    ...fullItems({ id, name }, status),
    ...staleItems({ id, name }, status, nowMs),
    ...status.attention
      .filter((text) => !told(text))
      .slice(0, SAID_MOST)
      .map((text): AttentionItem => ({
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

/**
 * A sensor that tells when the loss grew last also judges itself whether it is one: a handful at a start, long ago, is none. An older
 * sensor leaves the judgement to whoever reads it, so there every lost packet counts.
 */
function isLosing(monitor: MonitorView, attention: readonly string[]): boolean {
  if (count(monitor.packets?.['lost']) === 0) return false;
  const judges = typeof monitor.packets?.['lostAgoS'] === 'number';
  return !judges || attention.some((text) => saysLost(text, monitor));
}

function saysLost(text: string, { name }: MonitorView): boolean {
  return text.endsWith(` packets of ${name} were lost`);
}

/** `revision 6 of the fleet is not in force: …`, where the fleet tells of revision 6: with its time, and where to go on. */
function saysRefused(text: string, revision: number | undefined): boolean {
  return revision !== undefined && Number(NOT_IN_FORCE.exec(text)?.[1]) === revision;
}

type Named = Pick<KnownSensor, 'id' | 'name'>;

function lossItem({ id, name }: Named, { name: monitor, packets }: MonitorView): AttentionItem {
  const [lost, received] = [count(packets?.['lost']), Math.max(1, count(packets?.['received']))];
  const share = Math.min(100, (lost / received) * 100);
  const percent = share >= 1 ? share.toFixed(0) : share >= 0.01 ? share.toFixed(2) : 'less than 0.01';
  return {
    id: `loss:${id}:${monitor}`,
    severity: share >= MUCH_LOST_PERCENT ? 'critical' : 'warning',
    title: `${name} lost packets of ${monitor}`.slice(0, 160),
    text: `${percent} % of what arrived on ${monitor} since the sensor started did not reach every instrument. The wiring of the sensor shows at which stage, and whether it goes on.`,
    sensor: id,
    link: `/sensors/${id}`,
  };
}

function fullItems({ id, name }: Named, { host, volumes, instruments }: SensorStatusView): AttentionItem[] {
  const disks = (host?.disks ?? []).map(({ what, totalBytes, freeBytes }) => ({
    key: what.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(0, 64),
    what: `The disk for ${what} of ${name}`,
    taken: totalBytes - freeBytes,
    of: totalBytes,
    todo: 'Free space there or add a disk; when it is full, nothing more is recorded.',
    instrument: undefined,
  }));
  const vaults = (volumes ?? []).map((volume) => ({
    key: `volume-${volume.name}`,
    what: `The volume of ${volume.name} on ${name}`,
    taken: volume.usedBytes,
    of: volume.sizeBytes,
    todo: 'Give it more room in the configuration of the sensor (`volumeMib`), or let the instrument keep less.',
    instrument: instruments.some((one) => one.name === volume.name) ? volume.name : undefined,
  }));
  return [...disks, ...vaults].flatMap(({ key, what, taken, of, todo, instrument }): AttentionItem[] => {
    const percent = of <= 0 ? 0 : Math.floor((taken / of) * 100);
    if (percent < FULL_WARN_PERCENT) return [];
    return [
      {
        id: `disk:${id}:${key}`,
        severity: percent >= FULL_PERCENT ? 'critical' : 'warning',
        title: `${what} is ${percent >= 100 ? '' : 'nearly '}full`.slice(0, 160),
        text: `${String(Math.min(100, percent))} % of it are taken. ${todo}`,
        sensor: id,
        ...(instrument === undefined ? {} : { instrument }),
        link: `/sensors/${id}`,
      },
    ];
  });
}

function staleItems({ id, name }: Named, { instruments }: SensorStatusView, nowMs: number): AttentionItem[] {
  return instruments.flatMap((instrument): AttentionItem[] => {
    const sinceMs = timeOf(instrument.rulesSince);
    if (instrument.state !== 'running' || sinceMs === undefined || nowMs - sinceMs < STALE_RULES_MS)
      return [];
    return [
      {
        id: `rules:${id}:${instrument.name}`,
        severity: 'warning',
        title: `The rules of ${instrument.name} on ${name} are old`.slice(0, 160),
        text: `They have not changed for ${String(Math.floor((nowMs - sinceMs) / DAY_MS))} days, so what has been going round since is not recognised. Deploy a newer ruleset with the rule manager, or see why its sources are not fetched.`,
        sensor: id,
        instrument: instrument.name,
        since: new Date(sinceMs + STALE_RULES_MS).toISOString(),
        link: `/sensors/${id}/instruments/${instrument.name}`,
      },
    ];
  });
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}
