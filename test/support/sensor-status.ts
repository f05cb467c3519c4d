import type { InstrumentStatus, SensorStatus } from '@bulkhead/platform/contracts';

/** An instrument that runs and is well. */
export function instrumentStatus(values: Partial<InstrumentStatus> = {}): InstrumentStatus {
  return {
    name: 'suricata',
    package: 'suricata',
    version: '0.1.0',
    state: 'running',
    health: 'ok',
    failures: 0,
    counters: {},
    ...values,
  };
}

/** The status of a sensor that sees, with one monitor interface and one instrument. */
export function sensorStatus(values: Partial<SensorStatus> = {}): SensorStatus {
  return {
    sensor: 'lab',
    version: '0.1.0',
    versions: {},
    startedAt: '2026-01-01T00:00:00.000Z',
    healthy: true,
    attention: [],
    config: { path: '/etc/sensor.yaml', digest: 'd', loadedAt: '2026-01-01T00:00:00.000Z' },
    bus: { up: true, encrypted: true, restarts: 0 },
    monitors: [
      {
        name: 'mon',
        device: 'eth1',
        state: 'watching',
        check: { state: 'ok', lastOk: '2026-01-01T00:01:00.000Z', latencyMs: 80 },
        packets: {
          received: 100,
          forwarded: 100,
          captured: 99,
          cloned: 99,
          filtered: 0,
          lost: 1,
          lostWhere: [{ stage: 'capture-in', packets: 1 }],
          lostStarting: 0,
          transmitAttempts: 3,
          framesSent: 0,
        },
      },
    ],
    instruments: [instrumentStatus()],
    counts: { events: 7, alerts: 2, checksPassed: 5, checksMissed: 0 },
    ...values,
  };
}
