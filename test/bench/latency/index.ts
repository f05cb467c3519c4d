import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, sitePaths } from '@bulkhead/platform/kernel';
import { loadPackage } from '@bulkhead/platform/packages';
import { labConfig } from '@bulkhead/scripts';
import type { Bench, BenchContext, Measurement } from '../result.ts';
import { startTestSensor, type TestSensor } from '../../support/sensor.ts';
import { probeFrame } from './probe.ts';

const PREFIX = 'b9';
const DEVICE = 'b9-mon';
const PEER = 'b9-wire';
const WARM_UP = 20;
const PROBES = 240;
/** Pauses between probes, drawn evenly: no probe is in step with anything that works on a timer. */
const PAUSE_MS = [60, 180] as const;
const LOST_MS = 10_000;

/** From a packet on the monitor interface until `bulkhead events tail` shows its alert. */
export const bench: Bench = {
  name: 'latency',
  title: 'a packet on the monitor interface until its alert is read by the command line',
  run: measure,
};

async function measure({ root, progress, signal }: BenchContext): Promise<Measurement> {
  let sensor: TestSensor | undefined;
  const children: ChildProcess[] = [];
  try {
    await run('ip', ['link', 'add', DEVICE, 'type', 'veth', 'peer', 'name', PEER]);
    await run('sysctl', ['-qw', `net.ipv6.conf.${PEER}.disable_ipv6=1`]);
    await run('ip', ['link', 'set', PEER, 'up']);
    const packages = ['capture-engine', 'suricata'].map((name) =>
      loadPackage(join(root, 'build/apps', name)),
    );
    const manifests = (await Promise.all(packages)).map(({ manifest }) => manifest);
    const config = labConfig('latency', DEVICE, manifests);
    sensor = await startTestSensor(PREFIX, { ...config, detectionCheck: { enabled: false } });
    await sensor.healthy();
    progress('the sensor is up');
    const seenAt = tailAlerts(root, sitePaths(sensor.site).sensordSocket, children);
    const send = sender(root, children);
    const latencies: number[] = [];
    const fromTool: number[] = [];
    let lost = 0;
    for (let number = 1; number <= WARM_UP + PROBES; number += 1) {
      signal.throwIfAborted();
      const { mark, frame } = probeFrame(number);
      const shown = seenAt(mark);
      const sentMs = await send(frame);
      const result = await Promise.race([
        shown,
        sleep(number > WARM_UP ? LOST_MS : 3_000, undefined, { ref: false }),
      ]);
      if (number > WARM_UP) {
        if (result === undefined) lost += 1;
        else {
          latencies.push(result.readMs - sentMs);
          fromTool.push(result.storedMs - sentMs);
        }
        if (number % 60 === 0)
          progress(`${String(number)} probes, p50 ${String(Math.round(quantile(latencies, 0.5)))} ms`);
      } else if (number === WARM_UP && result === undefined) {
        throw new Error('no probe raised an alert while everything got warm');
      }
      await sleep(PAUSE_MS[0] + Math.random() * (PAUSE_MS[1] - PAUSE_MS[0]));
    }
    return {
      figures: [
        { name: 'latency_p50_ms', value: quantile(latencies, 0.5), unit: 'ms' },
        { name: 'latency_p90_ms', value: quantile(latencies, 0.9), unit: 'ms' },
        { name: 'latency_p99_ms', value: quantile(latencies, 0.99), unit: 'ms' },
        { name: 'latency_max_ms', value: Math.max(...latencies), unit: 'ms' },
        { name: 'until_packed_p50_ms', value: quantile(fromTool, 0.5), unit: 'ms' },
        { name: 'probes', value: latencies.length + lost, unit: 'count' },
        { name: 'probes_lost', value: lost, unit: 'count' },
      ],
      targets: [
        { figure: 'latency_p50_ms', max: 150 },
        { figure: 'latency_p99_ms', max: 1000 },
        { figure: 'probes_lost', max: 0 },
      ],
      notes: ['until_packed: from the packet until the instrument began the pack that holds its alert'],
    };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await sensor?.remove();
    await run('ip', ['link', 'delete', DEVICE], { allowFailure: true });
  }
}

/** Follows alerts as a person does. @returns when the alert with a mark was read, in Unix ms. */
function tailAlerts(root: string, socket: string, children: ChildProcess[]) {
  const child = spawn(
    process.execPath,
    [
      join(root, 'build/bulkhead.mjs'),
      '--socket',
      socket,
      '--json',
      'events',
      'tail',
      '--type',
      'alert',
      '--last',
      '0',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  children.push(child);
  const waiting = new Map<string, (seen: { readMs: number; storedMs: number }) => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const readMs = performance.timeOrigin + performance.now();
    const mark = /probe-\d+(?=\.malware)/.exec(line)?.[0];
    if (mark === undefined) return;
    const { time } = JSON.parse(line) as { time: string };
    waiting.get(mark)?.({ readMs, storedMs: Date.parse(time) });
    waiting.delete(mark);
  });
  return (mark: string) =>
    new Promise<{ readMs: number; storedMs: number }>((resolve) => {
      waiting.set(mark, resolve);
    });
}

/** Puts a frame on the wire. @returns when, in Unix ms. */
function sender(root: string, children: ChildProcess[]) {
  const child = spawn('python3', ['-u', join(root, 'test/bench/latency/send.py'), PEER], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async (frame: Buffer): Promise<number> => {
    child.stdin.write(`${frame.toString('hex')}\n`);
    const { value } = (await answers.next()) as { value: string };
    return Number(value) * 1000;
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
