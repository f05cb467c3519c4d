import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { reconnectDelayMs } from '../../../platform/fleet-link/reconnect.ts';
import { SimulatedSensor } from '../../support/fleet/simulated-sensor.ts';
import { holdLeaf } from './leaf.ts';
import type { BenchSensor, SensorsEndInput } from './parts.ts';

const SILENCE_MS = 3_000;

/** A share of the sensors in a process of its own: each attaches, keeps an uplink, and comes back as real ones do. */
export async function sensorsEnd({ address, ca, file }: SensorsEndInput): Promise<void> {
  process.once('disconnect', () => process.exit(0));
  const sensors = JSON.parse(await readFile(file, 'utf8')) as BenchSensor[];
  await Promise.all(sensors.map((sensor, n) => keepAttached(address, ca, sensor, n)));
}

async function keepAttached(address: string, ca: string, identity: BenchSensor, n: number): Promise<void> {
  const status = {
    sensor: `lab-${String(n)}`,
    version: '0.1.0',
    healthy: true,
    attention: [],
    monitors: [],
    instruments: [],
  };
  for (let failures = 0; ;) {
    const sensor = new SimulatedSensor({
      ...identity,
      ca,
      address,
      hello: { instance: `${identity.sensor}-${String(process.pid)}` },
    });
    try {
      await sensor.attach();
      failures = 0;
      const ended = sensor.ended();
      sensor.sendState(status);
      const going = new AbortController();
      void ended.then(() => going.abort());
      void keepUplink(sensor, identity, going.signal);
      await Promise.race([ended, silence(sensor)]);
      going.abort();
    } catch {
      failures += 1;
    }
    sensor.close();
    await sleep(reconnectDelayMs(failures));
  }
}

async function keepUplink(sensor: SimulatedSensor, identity: BenchSensor, signal: AbortSignal) {
  while (!signal.aborted) {
    const uplink = sensor.openUplink(identity.uplinkPublic);
    const closed = new Promise((resolve) => uplink.once('close', resolve));
    holdLeaf(uplink, identity);
    await closed;
    await sleep(500 + Math.random() * 1_500);
  }
}

/** Resolves when the fleet lets nothing be heard of itself for three heartbeats: a real sensor takes such a link for lost. */
async function silence(sensor: SimulatedSensor): Promise<void> {
  for (let heard = -1; heard !== sensor.heartbeats;) {
    heard = sensor.heartbeats;
    await sleep(SILENCE_MS);
  }
}
