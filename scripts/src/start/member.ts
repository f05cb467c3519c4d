import { sensorClient, type SensorClient } from '@bulkhead/platform/cli';
import { sitePaths, type Logger, type Site } from '@bulkhead/platform/kernel';
import { openNetwork } from '@bulkhead/platform/network';
import { leftovers } from './remains.ts';
import { openSensor, type RunningSensor } from './running-sensor.ts';
import { openSource, type Source } from './source.ts';
import type { StartOptions } from './options.ts';

type Say = (text: string) => void;

interface MemberParts {
  site: Site;
  mode: StartOptions['mode'];
  /** What it is called, by itself and in its fleet. */
  name: string;
  /** Sees its lab, and nothing that fetches rules: a sensor beside the first. */
  small: boolean;
  log: Logger;
}

/**
 * One sensor of this run with the network that it watches, as far as it came up. The steps are taken in order; `down` takes back
 * those that were.
 */
export class Member {
  readonly site: Site;
  readonly name: string;
  readonly #parts: MemberParts;
  #source: Source | undefined;
  #sensor: RunningSensor | undefined;
  #client: SensorClient | undefined;

  constructor(parts: MemberParts) {
    this.site = parts.site;
    this.name = parts.name;
    this.#parts = parts;
  }

  get sensor(): RunningSensor | undefined {
    return this.#sensor;
  }

  async makeNetwork(say: Say): Promise<Source> {
    const { site, mode, log } = this.#parts;
    const network = openNetwork({ site, log });
    this.#source = await openSource(mode, {
      site,
      log,
      checkDevice: (device) => network.checkDevice(device),
    });
    say(`watching ${this.#source.text}`);
    return this.#source;
  }

  async startSensor(
    source: Source,
    say: Say,
    signal: AbortSignal,
  ): Promise<{ sensor: RunningSensor; client: SensorClient }> {
    const { site, mode, name, small } = this.#parts;
    const { device, lab } = source;
    const watched = { device, lab: small ? undefined : lab };
    this.#sensor = await openSensor(site, { kind: mode.kind, name }, watched, say, signal);
    this.#client = sensorClient(sitePaths(site).sensordSocket);
    return { sensor: this.#sensor, client: this.#client };
  }

  /** All steps at once, for a sensor beside the first. */
  async up(say: Say, signal: AbortSignal): Promise<{ sensor: RunningSensor; client: SensorClient }> {
    const source = await this.makeNetwork(say);
    signal.throwIfAborted();
    const running = await this.startSensor(source, say, signal);
    await running.sensor.untilHealthy(say, signal);
    source.startTraffic();
    return running;
  }

  /** Ends what runs; can be called after any step. */
  async down(say: Say): Promise<void> {
    await this.#client?.close();
    await this.#sensor?.stop(say);
    await this.#source?.stop();
  }

  /** After `down`. @returns what still stands, in words */
  async removeData(): Promise<string[]> {
    if (this.#parts.mode.kind !== 'interface') await this.#sensor?.removeData();
    return leftovers(this.site);
  }
}
