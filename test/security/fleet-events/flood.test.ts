import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import { EVENTS_MIGRATIONS, fleetEvents, type FleetEventStore } from '@bulkhead/fleet-server/events';
import { openStore } from '@bulkhead/fleet-server/store';
import { uplinkSubject } from '@bulkhead/platform/contracts';
import { site, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { openFleetStore } from '../../support/fleet/event-bench.ts';
import { HUB_LOG } from '../../support/fleet/hub-bench.ts';
import { openRogueLeaf } from '../../support/fleet/rogue-leaf.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';
import { openUplinkSensor, storedNumbers, waitForAll } from '../../support/fleet/uplink-bench.ts';

const [HONEST, ROGUE] = [testSensorId(0), testSensorId(1)];
const BUFFER_MIB = 16;
const PART_BYTES = 256 * 1024;

/** The real store behind a door that can be shut, as when its disk stands still. */
function doored(store: FleetEventStore) {
  const door = { open: (): void => undefined };
  const opened = new Promise<void>((resolve) => (door.open = resolve));
  const insert: FleetEventStore['insert'] = async (messages) => {
    await opened;
    return store.insert(messages);
  };
  const behind = new Proxy(store, {
    get: (target, name) => {
      if (name === 'insert') return insert;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { store: behind, open: () => door.open() };
}

test('a sensor that floods the hub while nothing is taken in gets its share of the buffer, and others bring their events all the same', async () => {
  const fleet = await openFleetStore();
  const door = doored(fleet.store);
  const made = openStore({
    ...{ dir: join(fleet.folder, 'fleet'), migrations: EVENTS_MIGRATIONS, log: HUB_LOG },
  });
  const events = fleetEvents({
    ...{
      db: made.db,
      ruleManagers: { instrumentsOf: () => undefined, call: () => Promise.reject(new Error('no')) },
    },
    ...{ stateDir: fleet.folder, programDir: fleet.folder, natsServer: sitePaths(site()).natsServer },
    ...{ keeping: { retentionDays: 30, storeMib: 1024 }, replicas: 1, bufferMib: BUFFER_MIB, log: HUB_LOG },
    nameOf: () => 'flooder',
    openStore: async () => door.store,
  });
  await events.feature.start();
  // As the link does: the sensor's bytes, and the key that it said.
  const connect = (sensor: string, key: string) => {
    const [near, far] = duplexPair();
    events.uplink(sensor, far, key);
    return Promise.resolve(near);
  };
  const rogue = await openRogueLeaf(() => ({ connect }), ROGUE);
  const honest = await openUplinkSensor(() => ({ connect }), { id: HONEST });
  try {
    const subject = uplinkSubject(ROGUE, 'suricata', 'alert');
    await waitFor('its own way', 20_000, () =>
      rogue.ask(subject).then(
        (reply) => reply.includes('"seq"'),
        () => false,
      ),
    );
    // Four times what the hub holds in all.
    const body = new Uint8Array(PART_BYTES).fill(0x20);
    for (let sent = 0; sent < 4 * BUFFER_MIB * 1024 * 1024; sent += PART_BYTES) {
      await rogue.shout(subject, body);
    }
    await waitFor('it to be held back', 60_000, () =>
      events.feature.attention?.().some(({ id }) => id === `events:held:${ROGUE}`),
    );
    // The hub acknowledges what the honest one brings: it has room for it.
    await honest.start();
    await honest.publish(60, () => ({ text: 'x'.repeat(1_000) }));
    await waitFor('its events to be in the hub', 60_000, () => honest.sender?.sent === 60);
    expect(events.feature.attention?.().map(({ id }) => id)).toContain(`events:held:${ROGUE}`);

    door.open();
    await waitForAll(fleet.store, honest);
    expect(await storedNumbers(fleet.store, HONEST)).toEqual(Array.from({ length: 60 }, (_, n) => n));
    await waitFor(
      'nobody to be held back',
      60_000,
      () => !events.feature.attention?.().some(({ id }) => id.startsWith('events:held:')),
    );
  } finally {
    door.open();
    await honest.dispose();
    await rogue.dispose();
    await events.feature.stop();
    made.close();
    await fleet.dispose();
  }
});
