import { createUser } from '@nats-io/nkeys';
import { connect, headers, nkeyAuthenticator } from '@nats-io/transport-node';
import { connect as connectTcp } from 'node:net';
import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { HUB_NAMES } from '@bulkhead/fleet-server/events';
import { uplinkSubject } from '@bulkhead/platform/contracts';
import { waitFor } from '@bulkhead/platform/kernel';
import { openFleetStore } from '../../support/fleet/event-bench.ts';
import { openHubBench } from '../../support/fleet/hub-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';
import { openRogueLeaf } from '../../support/fleet/rogue-leaf.ts';
import { openUplinkSensor, runIngest, waitForAll } from '../../support/fleet/uplink-bench.ts';

const [HONEST, ROGUE] = [testSensorId(0), testSensorId(1)];

test('a sensor that was taken over says nothing for another, hears nothing, and has no way to the store of the hub', async () => {
  const fleet = await openFleetStore();
  const bench = await openHubBench();
  const ingest = runIngest(bench.hub, fleet.store);
  const honest = await openUplinkSensor(() => bench.hub, { id: HONEST });
  const rogue = await openRogueLeaf(() => bench.hub, ROGUE);
  try {
    await honest.start();
    await honest.publish(5);
    await waitForAll(fleet.store, honest);
    const own = async () => rogue.ask(uplinkSubject(ROGUE, 'suricata', 'alert'));
    await waitFor('its own way', 20_000, () =>
      own().then(
        (reply) => reply.includes('"seq"'),
        () => false,
      ),
    );

    const heard: string[] = [];
    for (const subject of ['>', 'up.>', '$JS.>', '$SYS.>', '_INBOX.>', '_R_.>']) {
      rogue.listen(subject, (found) => heard.push(found));
    }
    const api = [
      '$JS.API.INFO',
      '$JS.API.STREAM.NAMES',
      `$JS.API.STREAM.PURGE.${HUB_NAMES.stream}`,
      `$JS.API.STREAM.DELETE.${HUB_NAMES.stream}`,
      `$JS.API.CONSUMER.MSG.NEXT.${HUB_NAMES.stream}.${HUB_NAMES.consumer}`,
      `$JS.API.STREAM.MSG.GET.${HUB_NAMES.stream}`,
      '$SYS.REQ.SERVER.PING',
    ];
    const subjects = [...api, uplinkSubject(HONEST, 'suricata', 'alert'), 'up.>'];
    const replies = await Promise.all(
      subjects.map((subject) => rogue.ask(subject).catch((error: unknown) => `refused: ${String(error)}`)),
    );
    replies.forEach((reply, index) => {
      expect(reply, subjects[index]).toMatch(/^refused|not enabled/);
    });
    // A reply that leads into the other's subject, or to the hub's API, is led nowhere.
    for (const reply of [uplinkSubject(HONEST, 'suricata', 'alert'), api[2] ?? '']) {
      rogue.say(uplinkSubject(ROGUE, 'suricata', 'alert'), reply);
    }
    // Headers with which a publisher commands JetStream.
    const commands = headers();
    commands.set('Nats-Rollup', 'all');
    const commanded = rogue.ask(uplinkSubject(ROGUE, 'suricata', 'alert'), commands, 20_000);
    await expect(commanded).resolves.toContain('error');

    await honest.publish(5);
    await waitForAll(fleet.store, honest);
    const { sensors } = await fleet.store.report();
    expect(sensors).toMatchObject([{ sensor: HONEST, records: 10, holes: 0 }]);
    expect(heard.filter((subject) => !subject.startsWith('_INBOX.rogue'))).toEqual([]);
    expect(ingest.ingest.faults()).toMatchObject({ headers: expect.any(Number) as number });
  } finally {
    await rogue.dispose();
    await honest.dispose();
    await ingest.dispose();
    await bench.dispose();
    await fleet.dispose();
  }
});

test('only the key of a sensor opens its uplink, no key opens two, and a sensor that is shut out is out at once', async () => {
  const bench = await openHubBench();
  const [first, second] = [createUser().getPublicKey(), createUser().getPublicKey()];
  try {
    await bench.hub.allow(HONEST, first);
    await expect(bench.hub.allow(ROGUE, first)).rejects.toMatchObject({ code: 'FLEET_HUB_KEY_REFUSED' });
    await expect(bench.hub.allow(ROGUE, 'UNONSENSE')).rejects.toMatchObject({
      code: 'FLEET_HUB_KEY_REFUSED',
    });
    await expect(bench.hub.allow('s_1', second)).rejects.toMatchObject({ code: 'FLEET_HUB_KEY_REFUSED' });
    const socket = await bench.hub.connect(ROGUE, second);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    expect(bench.hub.linked).toEqual([ROGUE]);
    await bench.hub.forget([ROGUE]);
    await closed;
    expect([...bench.hub.sensors.keys()]).toEqual([HONEST]);
    await bench.reopen();
    expect([...bench.hub.sensors]).toEqual([[HONEST, first]]);
  } finally {
    await bench.dispose();
  }
});

test('a key of a sensor is of no use at the port for clients, and the hub listens on loopback only', async () => {
  const bench = await openHubBench();
  const user = createUser();
  try {
    await bench.hub.allow(HONEST, user.getPublicKey());
    const ports = bench.hub.ports;
    await expect(
      connect({
        servers: `127.0.0.1:${String(ports.client)}`,
        authenticator: nkeyAuthenticator(user.getSeed()),
        reconnect: false,
        timeout: 20_000,
      }),
    ).rejects.toThrow(/authorization/i);
    const others = Object.values(networkInterfaces())
      .flat()
      .filter((one) => one !== undefined && one.family === 'IPv4' && !one.internal);
    for (const other of others) {
      for (const port of [ports.client, ports.leaf]) {
        const answer = await new Promise<string>((resolve) => {
          const socket = connectTcp({ host: other?.address ?? '', port, timeout: 2_000 });
          socket.once('connect', () => resolve('open'));
          socket.once('error', () => resolve('closed'));
          socket.once('timeout', () => resolve('closed'));
          socket.once('close', () => socket.destroy());
        });
        expect(answer).toBe('closed');
      }
    }
  } finally {
    await bench.dispose();
  }
});
