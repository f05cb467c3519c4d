import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compileFieldPolicy } from '../events/index.ts';
import { UplinkCursor, UplinkForwarder, UplinkSender, type UplinkChoice } from '../fleet-link/index.ts';
import { describeError } from '../kernel/index.ts';
import type { StreamState } from '../bus/index.ts';
import type { Feature, FeatureContext } from './feature.ts';
import { fleetOf, type FleetFeature } from './fleet-feature.ts';

const LOOK_MS = 1_000;
/** Nothing sent for so long while there is a link is worth a word. */
const STUCK_MS = 300_000;

/** Brings this sensor's events to its fleet. */
export function uplinkFeature(context: FeatureContext): Feature {
  return new UplinkFeature(context);
}

/** What runs for one membership. */
interface Membership {
  sensor: string;
  cursor: UplinkCursor;
  sender: UplinkSender;
  end: AbortController;
  ended: Promise<void>;
}

/**
 * INVARIANTS: `#run` alone opens and ends everything, one step after another. The forwarder listens only while the link is up;
 * the bus is bound to it for as long as the sensor belongs to a fleet.
 */
class UplinkFeature implements Feature {
  readonly name = 'uplink';
  readonly #context: FeatureContext;
  readonly #ending = new AbortController();
  #running: Promise<void> | undefined;
  #membership: Membership | undefined;
  /** It was looked up: nothing waits for a fleet. Until then, and once it ends, nobody may take it for so. */
  #withoutFleet = false;
  #forwarder: UplinkForwarder | undefined;
  /** The bus knows the key of this sensor's uplink: who came earlier would be refused, and an event would say so. */
  #boundTo: string | undefined;
  #fault: string | undefined;
  #stuckSince: number | undefined;

  constructor(context: FeatureContext) {
    this.#context = context;
  }

  start(): Promise<void> {
    const fleet = fleetOf(this.#context.features());
    if (fleet !== undefined) this.#running = this.#run(fleet);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  attention(): string[] {
    const stuck = this.#stuckSince !== undefined && performance.now() - this.#stuckSince > STUCK_MS;
    return this.#fault === undefined || !stuck
      ? []
      : [`events do not get to the fleet: ${this.#fault}; they wait in their streams`];
  }

  holdsBack({ stream, created }: StreamState): { upTo: number; forS: number } | undefined {
    const { uplink } = this.#context.configuration.inUse.config;
    if (this.#withoutFleet || !uplink.enabled) return undefined;
    return {
      upTo: this.#membership?.cursor.of(stream, created)?.sequence ?? 0,
      forS: uplink.waitHours * 3_600,
    };
  }

  async #run(fleet: FleetFeature): Promise<void> {
    const { signal } = this.#ending;
    const stopWatching = fleet.watch((up) => {
      if (up) this.#membership?.sender.nudge();
    });
    while (!signal.aborted) {
      await this.#look(fleet).catch((error: unknown) => {
        this.#note(describeError(error));
        this.#context.log.warn({ err: error }, 'the way for events to the fleet cannot be made');
      });
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
    stopWatching();
    await this.#leave();
    await this.#forwarder?.close();
  }

  /** Makes what is there what it should be. */
  async #look(fleet: FleetFeature): Promise<void> {
    const { bus } = this.#context.rooms;
    const sensor = this.#context.configuration.inUse.config.uplink.enabled ? fleet.sensorId() : undefined;
    this.#withoutFleet = sensor === undefined;
    if (this.#membership !== undefined && this.#membership.sensor !== sensor) await this.#leave();
    if (sensor === undefined) {
      await this.#forwarder?.close();
      this.#note(undefined);
      this.#boundTo = undefined;
      if (bus.uplink.line !== undefined) await bus.uplink.bind(undefined);
      return;
    }
    await this.#forward(fleet, sensor);
    this.#membership ??= await this.#join(fleet, sensor);
    this.#note(fleet.up() ? this.#membership.sender.fault : undefined);
  }

  async #forward(fleet: FleetFeature, sensor: string): Promise<void> {
    const { rooms, log } = this.#context;
    const { uplink } = rooms.bus;
    this.#forwarder ??= new UplinkForwarder({ log, dial: () => fleet.openUplink(uplink.publicKey) });
    if (!fleet.up()) {
      await this.#forwarder.close();
      return;
    }
    if (this.#boundTo !== sensor) await this.#forwarder.close();
    if (!this.#forwarder.listening) {
      const port = await this.#forwarder.open(uplink.line?.port);
      await uplink.bind({ sensor, port });
      this.#boundTo = sensor;
      this.#membership?.sender.nudge();
    }
  }

  async #join(fleet: FleetFeature, sensor: string): Promise<Membership> {
    const { rooms, log, site } = this.#context;
    const cursor = await UplinkCursor.open(join(site.stateDir, 'fleet', 'uplink.json'), sensor);
    const end = new AbortController();
    const sender = new UplinkSender({
      ...{ log, sensor, cursor, source: rooms.bus },
      publish: (message, timeoutMs) => rooms.bus.uplink.publish(message, timeoutMs),
      choice: this.#choices(),
      linked: () => fleet.up() && this.#boundTo === sensor,
      onGap: (gap) => rooms.bus.publishPlatform('uplink.gap', { ...gap }),
    });
    return { sensor, cursor, sender, end, ended: sender.run(end.signal) };
  }

  async #leave(): Promise<void> {
    const membership = this.#membership;
    this.#membership = undefined;
    membership?.end.abort();
    await membership?.ended;
  }

  /** What the operator chose, compiled again when it changed. Rules for storage act first: what is not kept here does not go. */
  #choices(): () => UplinkChoice {
    const { configuration, rooms } = this.#context;
    let last: { config: unknown; choice: UplinkChoice } | undefined;
    return () => {
      const { config } = configuration.inUse;
      if (last?.config === config) return last.choice;
      const fields = config.uplink.fields.map((rule) => ({ ...rule, at: 'export' as const }));
      const choice = {
        types: config.uplink.types,
        policies: [
          compileFieldPolicy(
            config.events.fieldPolicy,
            'storage',
            rooms.storage.deriveSecret('events/pseudonyms/storage'),
          ),
          compileFieldPolicy(fields, 'export', rooms.storage.deriveSecret('events/pseudonyms/uplink')),
        ],
      };
      last = { config, choice };
      return choice;
    };
  }

  #note(fault: string | undefined): void {
    this.#fault = fault;
    this.#stuckSince = fault === undefined ? undefined : (this.#stuckSince ?? performance.now());
  }
}
