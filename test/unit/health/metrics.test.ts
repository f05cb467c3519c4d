import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  blindness,
  MAX_COUNTERS,
  metricsText,
  openMetricsServer,
  readTokenFile,
  type MetricsFacts,
} from '@bulkhead/platform/health';
import { hasCode, openLog } from '@bulkhead/platform/kernel';
import { parsePrometheus } from '../../support/prometheus.ts';
import { instrumentStatus, sensorStatus } from '../../support/sensor-status.ts';

const log = openLog('health', 'silent');
let dir = '';

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bh-metrics-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function facts(values: Partial<MetricsFacts> = {}): MetricsFacts {
  return {
    status: sensorStatus(),
    streams: [
      {
        instrument: 'suricata',
        messages: 7,
        bytes: 4096,
        maxBytes: 1 << 20,
        readers: [{ consumer: 'passive-dns__dns', pending: 2, unacknowledged: 1 }],
      },
    ],
    volumes: [{ name: 'suricata', state: 'unlocked', sizeMib: 512, usedMib: 10 }],
    process: { residentBytes: 1e8, cpuSeconds: 1.5, openFiles: 30 },
    ...values,
  };
}

test('the metrics are in the format of Prometheus, in base units, each with its help', async () => {
  const metrics = parsePrometheus(await metricsText(facts()));
  const value = (name: string, labels: Record<string, string> = {}) =>
    metrics
      .get(name)
      ?.samples.find((sample) => Object.entries(labels).every(([key, text]) => sample.labels[key] === text))
      ?.value;
  expect(value('bulkhead_monitor_packets_total', { monitor: 'mon', stage: 'received' })).toBe(100);
  expect(value('bulkhead_monitor_lost_packets_total', { stage: 'capture-in' })).toBe(1);
  expect(value('bulkhead_detection_check_latency_seconds')).toBe(0.08);
  expect(value('bulkhead_instrument_health', { instrument: 'suricata', health: 'ok' })).toBe(1);
  expect(value('bulkhead_instrument_health', { instrument: 'suricata', health: 'failed' })).toBe(0);
  expect(value('bulkhead_volume_size_bytes', { volume: 'suricata' })).toBe(512 * 1024 * 1024);
  expect(value('bulkhead_stream_reader_pending_messages')).toBe(2);
  expect(value('bulkhead_ready')).toBe(1);
});

test('names and numbers that a hostile instrument tells of itself break neither the format nor the number of series', async () => {
  const hostile: Record<string, number> = {
    'a"} 1\nbulkhead_ready{x="': 1,
    '__proto__x\\': 2,
    nan: NaN,
    endless: Infinity,
    'kernel-drops': 5,
  };
  for (let n = 0; n < 1000; n += 1) hostile[`c${String(n)}`] = n;
  const status = sensorStatus({ instruments: [instrumentStatus({ counters: hostile })] });
  const metrics = parsePrometheus(await metricsText(facts({ status })));
  const counters = metrics.get('bulkhead_instrument_counter')?.samples ?? [];
  expect(counters).toHaveLength(MAX_COUNTERS);
  expect(counters.every(({ labels }) => /^[A-Za-z][A-Za-z0-9_.-]*$/.test(labels['counter'] ?? ''))).toBe(
    true,
  );
  expect(metrics.get('bulkhead_ready')?.samples).toHaveLength(1);
  const refused = metrics.get('bulkhead_instrument_counters_refused')?.samples[0]?.value;
  expect(refused).toBe(Object.keys(hostile).length - MAX_COUNTERS);
});

test('ready means: bus, monitor interfaces, checks and every instrument; not that nothing was ever lost', () => {
  expect(blindness(sensorStatus({ healthy: false, attention: ['1 packet was lost'] }))).toEqual([]);
  const [monitor] = sensorStatus().monitors;
  const blind = sensorStatus({
    bus: { up: false, encrypted: true, restarts: 1 },
    monitors: [{ ...monitor!, state: 'down', check: { state: 'missed' } }],
    instruments: [
      instrumentStatus({ health: 'degraded' }),
      instrumentStatus({ name: 'off', state: 'disabled', health: 'unknown' }),
      instrumentStatus({ name: 'mine', state: 'held', health: 'unknown', unverified: true }),
    ],
  });
  expect(blindness(blind)).toEqual([
    'the bus is down',
    'monitor interface mon is not watching',
    'the detection check on mon did not come back',
    'suricata is degraded',
  ]);
});

test('on the socket: metrics, healthz, and readyz that answers 503 with its reasons; root alone may connect', async () => {
  const path = join(dir, 'own', 'metrics.sock');
  let reasons = ['suricata is failed'];
  const answers = { metrics: () => metricsText(facts()), blindness: () => Promise.resolve(reasons) };
  const server = await openMetricsServer({ path }, answers, log);
  const agent = new Agent({ connect: { socketPath: path } });
  const get = (route: string) => request(`http://metrics${route}`, { dispatcher: agent });
  try {
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    expect((await stat(join(dir, 'own'))).mode & 0o777).toBe(0o710);
    const metrics = await get('/metrics');
    expect(metrics.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(parsePrometheus(await metrics.body.text()).size).toBeGreaterThan(20);
    expect((await get('/healthz')).statusCode).toBe(200);
    const blind = await get('/readyz');
    expect(blind.statusCode).toBe(503);
    expect(await blind.body.json()).toEqual({ ready: false, reasons: ['suricata is failed'] });
    reasons = [];
    await expect.poll(async () => (await get('/readyz')).statusCode, { timeout: 10_000 }).toBe(200);
    expect((await get('/v1/status')).statusCode).toBe(404);
    const change = await request('http://metrics/metrics', { method: 'POST', dispatcher: agent });
    expect(change.statusCode).toBe(404);
  } finally {
    await agent.destroy();
    await server.close();
  }
});

test('on a port: nothing without the token, and nothing listens without a token file that is kept well', async () => {
  const tokenFile = join(dir, 'token');
  await expect(readTokenFile(tokenFile)).rejects.toThrow('cannot be read');
  await writeFile(tokenFile, 'a-token-of-some-length\n', { mode: 0o644 });
  const refused = await readTokenFile(tokenFile).catch((error: unknown) => error);
  expect(hasCode(refused, 'HEALTH_METRICS_TOKEN_REFUSED')).toBe(true);
  await rm(tokenFile);
  await writeFile(tokenFile, 'short\n', { mode: 0o600 });
  await expect(readTokenFile(tokenFile)).rejects.toThrow('at least 16');
  await writeFile(tokenFile, 'a-token-of-some-length\n');
  const token = await readTokenFile(tokenFile);
  const port = await freePort();
  const answers = { metrics: () => metricsText(facts()), blindness: () => Promise.resolve([]) };
  const server = await openMetricsServer({ host: '127.0.0.1', port, token }, answers, log);
  const get = (authorization?: string) =>
    request(`http://127.0.0.1:${String(port)}/metrics`, {
      headers: authorization === undefined ? {} : { authorization },
      reset: true,
    });
  try {
    for (const wrong of [undefined, '', `Bearer ${token}x`, `Basic ${token}`, token]) {
      const answer = await get(wrong);
      expect(answer.statusCode).toBe(401);
      expect(await answer.body.text()).not.toContain('bulkhead_');
    }
    expect((await get(`Bearer ${token}`)).statusCode).toBe(200);
  } finally {
    await server.close();
  }
});

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}
