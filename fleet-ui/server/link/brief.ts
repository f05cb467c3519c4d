import type { LinkView, SensorBrief, SensorStatusView } from '@bulkhead/fleet-api';
import type { Links } from './links.ts';

type Summary = Omit<
  SensorBrief,
  'sensor' | 'attached' | 'since' | 'lastSeen' | 'clockDifferenceMs' | 'clockWrong' | 'version' | 'statusAt'
>;

const FEEDS = ['alarm', 'learning', 'ok', 'off'] as const;
const QUIET_CHECKS = ['pending', 'ok', 'off'] as const;
/** The last second of 9999. */
const LAST_TIME_MS = 253_402_300_799_000;
/** A status is read once, and looked at by every page that is open. */
const summaries = new WeakMap<SensorStatusView, Summary>();
const NOTHING: Summary = Object.freeze({
  attention: 0,
  received: 0,
  lost: 0,
  framesSent: 0,
  instruments: 0,
  instrumentsDown: 0,
});

/** One sensor in a few numbers, from the newest that was heard of it. */
export function briefOf(links: Pick<Links, 'view' | 'state'>, sensor: string): SensorBrief {
  const { status, statusAt } = links.state(sensor);
  const view: Partial<LinkView> = links.view(sensor) ?? {};
  const { since, lastSeen, clockDifferenceMs, version } = view;
  return {
    sensor,
    attached: view.attached ?? false,
    clockWrong: view.clockWrong ?? false,
    ...defined({
      since,
      lastSeen,
      clockDifferenceMs,
      version: version ?? status?.version,
      statusAt: statusAt?.toISOString(),
    }),
    ...(status === undefined ? NOTHING : summed(status)),
  };
}

function summed(status: SensorStatusView): Summary {
  const known = summaries.get(status);
  if (known !== undefined) return known;
  const summary = summaryOf(status);
  summaries.set(status, summary);
  return summary;
}

/** Sums a status up. What cannot be read counts as nothing. Pure. */
export function summaryOf(status: SensorStatusView): Summary {
  const { monitors, instruments } = status;
  const checks = monitors.map(({ check }) => check?.state);
  const feeds = monitors.map(({ feed }) => feed?.['state']);
  // Numbers that are each as large as can be add up to one that cannot be told.
  const packets = (name: string) =>
    Math.min(
      Number.MAX_SAFE_INTEGER,
      monitors.reduce((sum, monitor) => sum + countOf(monitor.packets?.[name]), 0),
    );
  const blind = checks.some((state) => state === 'blind' || state === 'missed');
  return {
    attention: status.attention.length,
    received: packets('received'),
    lost: packets('lost'),
    framesSent: packets('framesSent'),
    instruments: instruments.length,
    instrumentsDown: instruments.filter(
      ({ state, health }) => state !== 'disabled' && (state !== 'running' || health !== 'ok'),
    ).length,
    ...defined({
      healthy: status.healthy,
      check: blind ? ('blind' as const) : QUIET_CHECKS.find((state) => checks.includes(state)),
      feed: FEEDS.find((state) => feeds.includes(state)),
      rulesSince: oldestRules(status),
      diskPercent: fullestPercent(status),
    }),
  };
}

function oldestRules({ instruments }: SensorStatusView): string | undefined {
  const times = instruments
    .filter(({ state }) => state === 'running')
    .map(({ rulesSince }) => timeOf(rulesSince))
    .filter((time) => time !== undefined);
  return times.length === 0 ? undefined : new Date(Math.min(...times)).toISOString();
}

/** Share of the fullest disk or volume that is taken, in percent. */
export function fullestPercent({
  host,
  volumes,
}: Pick<SensorStatusView, 'host' | 'volumes'>): number | undefined {
  const shares = [
    ...(host?.disks ?? []).map(({ totalBytes, freeBytes }) => [totalBytes - freeBytes, totalBytes] as const),
    ...(volumes ?? []).map(({ usedBytes, sizeBytes }) => [usedBytes, sizeBytes] as const),
  ].filter(([, of]) => of > 0);
  if (shares.length === 0) return undefined;
  return (
    Math.round(Math.max(...shares.map(([taken, of]) => Math.min(1, Math.max(0, taken / of)))) * 1000) / 10
  );
}

/** In ms. Undefined: no time, or one before 1970 or after 9999, which no reply can tell. */
export function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return time >= 0 && time <= LAST_TIME_MS ? time : undefined;
}

function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}

function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
