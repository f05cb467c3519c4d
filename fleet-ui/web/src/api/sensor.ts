import type {
  SeenActive,
  SeenActivePort,
  SeenGrants,
  SeenLedger,
  SeenMatrix,
  SeenRevisions,
  SeenSetup,
  SeenStatus,
  SensorStatusReply,
  SensorStatusView,
} from '@bulkhead/fleet-api';
import { queryOptions } from '@tanstack/react-query';
import { get, post, type RequestOptions } from './http.ts';

/** Asks a sensor's own API, through the fleet. */
export function askSensor<T>(sensor: string, path: string, options?: RequestOptions): Promise<T> {
  return get<T>(`/sensors/${encodeURIComponent(sensor)}/api/v1${path}`, options);
}

/** Tells a sensor to do something, through the fleet. */
export function tellSensor<T>(sensor: string, path: string, body: unknown = {}): Promise<T> {
  return post<T>(`/sensors/${encodeURIComponent(sensor)}/api/v1${path}`, body);
}

/** The newest that the fleet heard of a sensor; also of one that is away. */
export const statusQuery = (sensor: string) =>
  queryOptions({
    queryKey: ['sensor', sensor, 'status'],
    queryFn: () => get<SensorStatusReply>(`/sensors/${encodeURIComponent(sensor)}/status`),
    refetchInterval: 5_000,
  });

export const ledgerQuery = (sensor: string, attached: boolean) =>
  queryOptions({
    queryKey: ['sensor-asked', sensor, 'ledger'],
    queryFn: ({ signal }) => askSensor<SeenLedger>(sensor, '/ledger', { signal }),
    refetchInterval: 3_000,
    enabled: attached,
  });

/** Interfaces on which instruments may send. */
export const activeQuery = (sensor: string, attached = true) =>
  queryOptions({
    queryKey: ['sensor-asked', sensor, 'active'],
    queryFn: async ({ signal }) => wholeActive(await askSensor<unknown>(sensor, '/active', { signal })),
    refetchInterval: 5_000,
    enabled: attached,
  });

export const matrixQuery = (sensor: string) =>
  queryOptions({
    queryKey: ['sensor-asked', sensor, 'matrix'],
    queryFn: ({ signal }) => askSensor<SeenMatrix>(sensor, '/grants/matrix', { signal }),
    staleTime: 30_000,
  });

export const grantsQuery = (sensor: string) =>
  queryOptions({
    queryKey: ['sensor-asked', sensor, 'grants'],
    queryFn: ({ signal }) => askSensor<SeenGrants>(sensor, '/grants', { signal }),
  });

/** What an instrument is set to, and what can be set. A sensor of an older version does not know the question. */
export const setupQuery = (sensor: string, instrument: string) =>
  queryOptions({
    queryKey: ['sensor-asked', sensor, 'setup', instrument],
    queryFn: ({ signal }) =>
      askSensor<SeenSetup>(sensor, `/instruments/${encodeURIComponent(instrument)}/setup`, { signal }),
    staleTime: 30_000,
  });

export const revisionsQuery = (sensor: string) =>
  queryOptions({
    queryKey: ['sensor-asked', sensor, 'revisions'],
    queryFn: ({ signal }) => askSensor<SeenRevisions>(sensor, '/config/revisions', { signal }),
  });

/** The ports of an answer that say what is drawn of them; one that does not is left out. Pure. */
export function wholeActive(said: unknown): SeenActive {
  const { ports } = (said ?? {}) as { ports?: unknown };
  return { ports: (Array.isArray(ports) ? (ports as unknown[]) : []).filter(isActivePort) };
}

function isActivePort(said: unknown): said is SeenActivePort {
  const port = (said ?? {}) as Record<string, unknown>;
  const counts = (port['counts'] ?? {}) as Record<string, unknown>;
  return (
    ['instrument', 'port', 'device'].every((name) => typeof port[name] === 'string') &&
    Array.isArray(port['addresses']) &&
    Array.isArray(port['faults'] ?? []) &&
    ['sent', 'received', 'refused'].every((name) => {
      const count = (counts[name] ?? {}) as Record<string, unknown>;
      return typeof count['packets'] === 'number' && typeof count['bytes'] === 'number';
    })
  );
}

/** A status in which nothing is missing: a sensor of another version may have said less. Pure. */
export function wholeStatus(view: SensorStatusView): SeenStatus {
  const said = view as unknown as Partial<SeenStatus>;
  return {
    sensor: said.sensor ?? '',
    version: said.version ?? 'unknown',
    versions: said.versions ?? {},
    startedAt: said.startedAt ?? '',
    healthy: said.healthy ?? view.attention.length === 0,
    attention: view.attention,
    config: { loadedAt: '', ...said.config },
    bus: { up: false, encrypted: false, restarts: 0, ...said.bus },
    monitors: view.monitors.map((monitor) => {
      const one = monitor as unknown as Partial<SeenStatus['monitors'][number]>;
      return {
        ...one,
        name: monitor.name,
        device: one.device ?? '',
        state: one.state ?? 'unknown',
        check: { state: 'unknown', ...one.check },
        packets: { ...NO_PACKETS, ...one.packets },
      };
    }),
    instruments: view.instruments.map((instrument) => ({
      ...(instrument as unknown as Partial<SeenStatus['instruments'][number]>),
      name: instrument.name,
      package: instrument.package ?? '',
      version: instrument.version ?? '',
      state: instrument.state ?? 'unknown',
      health: instrument.health ?? 'unknown',
      failures: (instrument as { failures?: number }).failures ?? 0,
      counters: instrument.counters ?? {},
    })),
    counts: { events: 0, alerts: 0, checksPassed: 0, checksMissed: 0, ...said.counts },
    ...(said.host === undefined ? {} : { host: said.host }),
    ...(said.volumes === undefined ? {} : { volumes: said.volumes }),
  };
}

const NO_PACKETS: SeenStatus['monitors'][number]['packets'] = Object.freeze({
  received: 0,
  forwarded: 0,
  captured: 0,
  cloned: 0,
  filtered: 0,
  lost: 0,
  transmitAttempts: 0,
  framesSent: 0,
});
