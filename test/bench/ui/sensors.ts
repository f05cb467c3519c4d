import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sensor } from '@bulkhead/fleet-api';
import { waitFor } from '@bulkhead/platform/kernel';
import { sensorKey } from '../../support/fleet-sensor-keys.ts';
import { SimulatedSensor, type SensorIdentity } from '../../support/fleet/simulated-sensor.ts';
import { openUplinkSensor } from '../../support/fleet/uplink-bench.ts';
import { eventAt } from '../../support/fleet-web/events.ts';
import { statusOf } from '../../support/fleet-web/sensors.ts';
import type { Fleetd } from './fleetd.ts';

/** Sensors tell their status this often; their counters have grown then. */
const STATUS_MS = 5_000;
const TICK_MS = 100;
const ATTACH_MS = 60_000;
const AGAIN_MS = 500;

export interface AdoptedSensor extends SensorIdentity {
  name: string;
}

/** Each with a code of its own, as people adopt them. */
export async function adoptSensors(fleetd: Fleetd, count: number): Promise<AdoptedSensor[]> {
  const adopted: AdoptedSensor[] = [];
  for (let n = 0; n < count; n += 1) {
    const name = `site-${String(n + 1).padStart(3, '0')}`;
    const { code } = await fleetd.ask<{ code: string }>('POST', '/adoption-codes', { name });
    const key = await sensorKey();
    const reply = await fleetd.ask<{ sensor: string; chain: string[]; ca: string }>('POST', '/enrol/adopt', {
      ...{ code, csr: key.csr, version: '0.1.0' },
      hardware: { hostname: name, nics: [{ device: 'enp3s0', monitorCapable: true }] },
    });
    adopted.push({
      ...{ name, sensor: reply.sensor, key: key.keyPem, ca: reply.ca },
      certificate: [reply.chain].flat().join('\n'),
    });
  }
  return adopted;
}

/** Sensors that are attached and tell their status; one that is cut off comes back, as real ones do. */
export class Crowd {
  readonly #address: string;
  readonly #links = new Map<number, SimulatedSensor>();
  readonly #keeping: Promise<void>[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #over = new AbortController();

  private constructor(address: string) {
    this.#address = address;
  }

  /** Resolves when all of them are attached. */
  static async attach(address: string, adopted: readonly AdoptedSensor[]): Promise<Crowd> {
    const crowd = new Crowd(address);
    for (const [n, one] of adopted.entries()) crowd.#keeping.push(crowd.#keep(n, one));
    await waitFor('all sensors to be attached', ATTACH_MS, () =>
      Promise.resolve(crowd.#links.size === adopted.length),
    );
    let next = 0;
    // One after another, as sensors that know nothing of each other do.
    crowd.#timer = setInterval(() => {
      const at = next % adopted.length;
      next += 1;
      crowd.#links.get(at)?.sendState(statusAs(adopted[at]?.name ?? ''));
    }, STATUS_MS / adopted.length);
    return crowd;
  }

  /** A way for the events of the nth: through its link. @throws while it is cut off */
  uplink(n: number, publicKey: string): Duplex {
    const sensor = this.#links.get(n);
    if (sensor === undefined) throw new Error(`sensor ${String(n)} is not attached`);
    return sensor.openUplink(publicKey);
  }

  async close(): Promise<void> {
    this.#over.abort();
    clearInterval(this.#timer);
    for (const sensor of this.#links.values()) sensor.close();
    await Promise.all(this.#keeping);
  }

  async #keep(n: number, { name, ...identity }: AdoptedSensor): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const sensor = new SimulatedSensor({ ...identity, address: this.#address });
      try {
        await sensor.attach();
        const ended = sensor.ended();
        sensor.sendState(statusAs(name));
        this.#links.set(n, sensor);
        await ended;
      } catch {
        // It tries again.
      }
      this.#links.delete(n);
      sensor.close();
      await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Most are well; some lose packets, as in any fleet. */
function statusAs(name: string): unknown {
  const isLosing = Number(name.slice(-3)) % 20 === 7;
  return statusOf({ name: isLosing ? 'ward-four' : name } as Sensor);
}

/** Events of one of them: its real nats-server behind its link, and from there the whole way into the fleet. */
export class EventStream {
  readonly #source: Awaited<ReturnType<typeof openUplinkSensor>>;
  #isOn = false;
  #going: Promise<void> = Promise.resolve();

  private constructor(source: Awaited<ReturnType<typeof openUplinkSensor>>) {
    this.#source = source;
  }

  static async open(crowd: Crowd, adopted: readonly AdoptedSensor[]): Promise<EventStream> {
    const id = adopted[0]?.sensor ?? '';
    const door = {
      connect: async (_sensor: string, publicKey: string) => crowd.uplink(0, publicKey),
    };
    const source = await openUplinkSensor(() => door, { id });
    await source.start();
    return new EventStream(source);
  }

  get published(): number {
    return this.#source.published;
  }

  /** From now on so many each second. */
  begin(perS: number): void {
    this.#isOn = true;
    this.#going = (async () => {
      const began = performance.now();
      const before = this.published;
      while (this.#isOn) {
        const due = Math.floor(((performance.now() - began) * perS) / 1_000) - (this.published - before);
        if (due > 0) await this.#source.publish(due, recordOf);
        await sleep(TICK_MS);
      }
    })();
  }

  async pause(): Promise<void> {
    this.#isOn = false;
    await this.#going;
  }

  async close(): Promise<void> {
    await this.pause();
    await this.#source.dispose();
  }
}

/** Every third is an alert (that is how they are published), the others are DNS records. */
function recordOf(n: number): Record<string, unknown> {
  return eventAt(n % 3 === 0 ? 4 * n : 4 * n + 3).record;
}
