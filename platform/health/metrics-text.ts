import { Counter, Gauge, Registry } from 'prom-client';
import type { InstrumentStatus, MonitorStatus, SensorStatus } from '../contracts/index.ts';
import { blindness } from './readiness.ts';

/** What the metrics are made from. */
export interface MetricsFacts {
  status: SensorStatus;
  streams: readonly {
    instrument: string;
    messages: number;
    bytes: number;
    maxBytes: number;
    readers: readonly { consumer: string; pending: number; unacknowledged: number }[];
  }[];
  volumes: readonly { name: string; state: string; sizeMib: number; usedMib: number }[];
  /** Of sensord itself. */
  process: { residentBytes: number; cpuSeconds: number; openFiles: number };
}

/** More counters of one instrument than this are left out: a label's values must stay few, whatever an instrument says. */
export const MAX_COUNTERS = 64;

const MIB = 1024 * 1024;
const STATES: readonly InstrumentStatus['state'][] = [
  'running',
  'starting',
  'stopped',
  'waiting',
  'held',
  'disabled',
  'invalid',
];
const HEALTHS: readonly InstrumentStatus['health'][] = ['ok', 'starting', 'degraded', 'failed', 'unknown'];
const CHECKS: readonly MonitorStatus['check']['state'][] = ['pending', 'ok', 'missed', 'blind', 'off'];
const STAGES = ['received', 'forwarded', 'captured', 'cloned', 'filtered', 'lost'] as const;

/**
 * Everything that is measured, in the Prometheus text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Base units; totals end in `_total`.
 */
export async function metricsText(facts: MetricsFacts): Promise<string> {
  const made = new Maker();
  sensor(made, facts);
  for (const monitor of facts.status.monitors) monitorMetrics(made, monitor);
  for (const instrument of facts.status.instruments) instrumentMetrics(made, instrument);
  for (const stream of facts.streams) {
    const of = { instrument: stream.instrument };
    made.gauge('bulkhead_stream_messages', 'Messages that a stream holds', of, stream.messages);
    made.gauge('bulkhead_stream_bytes', 'Bytes that a stream holds', of, stream.bytes);
    made.gauge('bulkhead_stream_limit_bytes', 'Size of a stream', of, stream.maxBytes);
    for (const { consumer, pending, unacknowledged } of stream.readers) {
      const reader = { ...of, consumer };
      made.gauge(
        'bulkhead_stream_reader_pending_messages',
        'Messages that a reader has not had',
        reader,
        pending,
      );
      const help = 'Messages that a reader had and has not acknowledged';
      made.gauge('bulkhead_stream_reader_unacknowledged_messages', help, reader, unacknowledged);
    }
  }
  for (const { name, state, sizeMib, usedMib } of facts.volumes) {
    const of = { volume: name };
    made.gauge('bulkhead_volume_size_bytes', 'Size of an encrypted volume', of, sizeMib * MIB);
    made.gauge('bulkhead_volume_used_bytes', 'Space taken in a volume', of, usedMib * MIB);
    made.gauge(
      'bulkhead_volume_unlocked',
      '1 while the keys are in the kernel',
      of,
      state === 'unlocked' ? 1 : 0,
    );
  }
  return made.text();
}

function sensor(made: Maker, { status, process }: MetricsFacts): void {
  made.gauge('bulkhead_info', 'Version of the sensor', { sensor: status.sensor, version: status.version }, 1);
  const startedS = Date.parse(status.startedAt) / 1000;
  made.gauge('bulkhead_start_time_seconds', 'When sensord started, Unix time', {}, startedS);
  made.gauge('bulkhead_healthy', '1 when nothing needs attention', {}, status.healthy ? 1 : 0);
  made.gauge('bulkhead_ready', '1 when the sensor sees', {}, blindness(status).length === 0 ? 1 : 0);
  made.gauge('bulkhead_attention_items', 'Things that need attention', {}, status.attention.length);
  made.gauge('bulkhead_bus_up', '1 while nats-server runs', {}, status.bus.up ? 1 : 0);
  made.counter(
    'bulkhead_bus_restarts_total',
    'Times that nats-server died and was restarted',
    {},
    status.bus.restarts,
  );
  made.gauge(
    'bulkhead_stored_messages',
    'Messages in the streams of all instruments',
    {},
    status.counts.events,
  );
  made.counter('bulkhead_alerts_total', 'Alerts stored since sensord started', {}, status.counts.alerts);
  const checks = 'Detection checks since sensord started';
  made.counter('bulkhead_detection_checks_total', checks, { result: 'passed' }, status.counts.checksPassed);
  made.counter('bulkhead_detection_checks_total', checks, { result: 'missed' }, status.counts.checksMissed);
  made.gauge('process_resident_memory_bytes', 'Memory of sensord', {}, process.residentBytes);
  made.counter('process_cpu_seconds_total', 'Processor time of sensord', {}, process.cpuSeconds);
  made.gauge('process_open_fds', 'Open files of sensord', {}, process.openFiles);
}

function monitorMetrics(made: Maker, { name, state, check, packets }: MonitorStatus): void {
  const of = { monitor: name };
  made.gauge(
    'bulkhead_monitor_watching',
    '1 while a monitor interface watches',
    of,
    state === 'watching' ? 1 : 0,
  );
  const stages = 'Packets at each stage from the device to the mirror ports';
  for (const stage of STAGES)
    made.counter('bulkhead_monitor_packets_total', stages, { ...of, stage }, packets[stage]);
  for (const { stage, packets: lost } of packets.lostWhere) {
    made.counter('bulkhead_monitor_lost_packets_total', 'Packets lost, by place', { ...of, stage }, lost);
  }
  const attempts = 'Frames that something tried to send out of a monitor interface, dropped';
  made.counter('bulkhead_monitor_transmit_attempts_total', attempts, of, packets.transmitAttempts);
  const sent = 'Frames that left a monitor interface: 0, or its guard failed';
  made.counter('bulkhead_monitor_sent_frames_total', sent, of, packets.framesSent);
  for (const each of CHECKS) {
    const value = check.state === each ? 1 : 0;
    made.gauge('bulkhead_detection_check_state', '1 for the state it is in', { ...of, state: each }, value);
  }
  if (check.latencyMs !== undefined) {
    const help = 'From injection to the alert, at the last check that came back';
    made.gauge('bulkhead_detection_check_latency_seconds', help, of, check.latencyMs / 1000);
  }
  if (check.lastOk !== undefined) {
    const atS = Date.parse(check.lastOk) / 1000;
    made.gauge('bulkhead_detection_check_last_ok_seconds', 'When a check last came back, Unix time', of, atS);
  }
}

function instrumentMetrics(made: Maker, instrument: InstrumentStatus): void {
  const of = { instrument: instrument.name };
  const { package: packageName, version } = instrument;
  const unverified = instrument.unverified === true ? 'true' : 'false';
  const info = { ...of, package: packageName, version, unverified };
  made.gauge('bulkhead_instrument_info', 'Package of an instrument', info, 1);
  for (const state of STATES) {
    const value = instrument.state === state ? 1 : 0;
    made.gauge('bulkhead_instrument_state', '1 for the state it is in', { ...of, state }, value);
  }
  for (const health of HEALTHS) {
    const value = instrument.health === health ? 1 : 0;
    made.gauge('bulkhead_instrument_health', '1 for what it says of itself', { ...of, health }, value);
  }
  made.gauge('bulkhead_instrument_failures', 'Failures in a row', of, instrument.failures);
  const { taken, refused } = plainCounters(instrument.counters);
  const help = 'A number that an instrument tells of itself; its meaning is in the README of the instrument';
  for (const [counter, value] of taken)
    made.gauge('bulkhead_instrument_counter', help, { ...of, counter }, value);
  const left = 'Numbers of an instrument that are not shown: an odd name, not a finite number, or too many';
  made.gauge('bulkhead_instrument_counters_refused', left, of, refused);
}

/** An instrument may be hostile: of what it says, only plain names and finite numbers are taken, and not many. */
export function plainCounters(counters: Readonly<Record<string, number>>): {
  taken: [string, number][];
  refused: number;
} {
  const all = Object.entries(counters);
  const taken = all
    .filter(([name, value]) => /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(name) && Number.isFinite(value))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, MAX_COUNTERS);
  return { taken, refused: all.length - taken.length };
}

type Labels = Record<string, string>;

/** Collects one reading. A registry of its own each time: what is gone leaves no stale series. */
class Maker {
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();

  gauge(name: string, help: string, labels: Labels, value: number): void {
    let gauge = this.#gauges.get(name);
    if (gauge === undefined) {
      gauge = new Gauge({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] });
      this.#gauges.set(name, gauge);
    }
    gauge.set(labels, Number.isFinite(value) ? value : 0);
  }

  counter(name: string, help: string, labels: Labels, value: number): void {
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = new Counter({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] });
      this.#counters.set(name, counter);
    }
    counter.inc(labels, Number.isFinite(value) ? Math.max(0, value) : 0);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
