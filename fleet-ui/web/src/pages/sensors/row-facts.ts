import type { SeenStatus, Sensor } from '@bulkhead/fleet-api';

/** What the table shows of a sensor's own status. */
export interface RowFacts {
  /** Packets lost and received over all monitor interfaces. */
  lost: number;
  received: number;
  /** The worst feed, in a word; undefined = nobody looks. */
  feed: 'alarm' | 'ok' | 'learning' | 'off' | undefined;
  /** The worst detection check. */
  check: 'blind' | 'pending' | 'ok' | 'off' | undefined;
  instrumentsDown: number;
}

/** A sensor with what it says of itself, where that is known already. */
export interface SensorRow {
  sensor: Sensor;
  facts: RowFacts | undefined;
  healthy: boolean | undefined;
  clockMs: number | undefined;
}

const FEEDS = ['alarm', 'learning', 'ok', 'off'] as const;

/** Sums a status up in one row. Pure. */
export function rowFacts(status: SeenStatus): RowFacts {
  const feeds = status.monitors.map(({ feed }) => feed?.state);
  const checks = status.monitors.map(({ check }) => check.state);
  return {
    lost: status.monitors.reduce((sum, { packets }) => sum + packets.lost, 0),
    received: status.monitors.reduce((sum, { packets }) => sum + packets.received, 0),
    feed: FEEDS.find((state) => feeds.includes(state)),
    check: checks.some((state) => state === 'missed' || state === 'blind')
      ? 'blind'
      : (['pending', 'ok', 'off'] as const).find((state) => checks.includes(state)),
    instrumentsDown: status.instruments.filter(
      ({ state, health }) => state !== 'disabled' && (state !== 'running' || health !== 'ok'),
    ).length,
  };
}
