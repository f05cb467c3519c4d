import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { HUB_NAMES } from '@bulkhead/fleet-server/events';
import { uplinkSubject, uplinkSubjects } from '@bulkhead/platform/contracts';
import { site, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { HubProcess } from '../../../fleet-ui/server/events/hub/hub-process.ts';
import { connectAsInstrument } from '../../support/nats-clients.ts';
import { freePort } from '../../support/nats.ts';
import { openHubBench, openSensorBus } from '../../support/fleet/hub-bench.ts';
import { openRogueLeaf, type RogueLeaf } from '../../support/fleet/rogue-leaf.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';
import { UPLINK_MODEL } from '../../support/fleet/uplink-bench.ts';
import { killNow } from '../../support/kill.ts';

test('what a sensor publishes through its leaf link is acknowledged by the hub, and by nobody when the link is gone', async () => {
  const bench = await openHubBench();
  const { manager } = await bench.hub.clients(AbortSignal.timeout(30_000));
  await manager.streams.add({ name: 'UP', subjects: ['up.>'] });
  const sensor = await openSensorBus(() => bench.hub);
  try {
    const message = {
      subject: uplinkSubject(sensor.id, 'suricata', 'alert'),
      // Whatever is acknowledged too late for this end is stored once.
      headers: { 'Nats-Msg-Id': 'a' },
      body: Buffer.from('{}\n'),
    };
    const publish = () => sensor.bench.bus.uplink.publish(message, 2_000);
    await waitFor('the link', 20_000, () =>
      publish().then(
        () => true,
        () => false,
      ),
    );
    expect((await manager.streams.info('UP')).state.messages).toBe(1);
    sensor.forwarder.cut();
    await expect(publish()).rejects.toMatchObject({ code: 'BUS_UPLINK_UNANSWERED' });
  } finally {
    await sensor.dispose();
    await bench.dispose();
  }
});

test('a bus is bound to a fleet and let go again without anybody being disconnected, and stays bound over a restart', async () => {
  const bench = await openHubBench();
  const sensor = await openSensorBus(() => bench.hub, { model: UPLINK_MODEL });
  const { bus } = sensor.bench;
  const instrument = await connectAsInstrument(sensor.bench, 'suricata', { reconnect: false });
  let ends = 0;
  void instrument.closed().then(() => (ends += 1));
  try {
    const pid = bus.serverPid();
    await waitFor('the link', 20_000, () => bench.hub.linked.includes(sensor.id));
    const line = bus.uplink.line;
    const again = sensor.bench.reopen();
    await bus.close();
    expect(again.uplink.line).toEqual(line);
    expect(await again.ensure(UPLINK_MODEL)).toEqual({ restarted: false, reloaded: false });
    expect(again.uplink.publicKey).toBe(bus.uplink.publicKey);
    await again.uplink.bind(undefined);
    await waitFor('the end of the link', 20_000, () => !bench.hub.linked.includes(sensor.id));
    await again.uplink.bind(line);
    await waitFor('the link again', 20_000, () => bench.hub.linked.includes(sensor.id));
    expect(again.serverPid()).toBe(pid);
    await instrument.flush();
    expect(ends).toBe(0);
  } finally {
    await instrument.close();
    await sensor.dispose();
    await bench.dispose();
  }
});

test('a sensor that comes for the first time gets through, also while the server starts again or is told of another one', async () => {
  const bench = await openHubBench();
  const { hub } = bench;
  const { manager } = await hub.clients(AbortSignal.timeout(30_000));
  await manager.streams.add({ name: HUB_NAMES.stream, subjects: ['up.>'] });
  const config = join(bench.dir, 'nats/hub.conf');
  const [first, second, third] = [testSensorId(0), testSensorId(1), testSensorId(2)];
  const leaves: RogueLeaf[] = [];
  const open = async (sensor: string, isTime: () => boolean) => {
    const leaf = await openRogueLeaf(
      () => ({
        connect: async (...ask) => {
          while (!isTime()) await setImmediate();
          return hub.connect(...ask);
        },
      }),
      sensor,
    );
    leaves.push(leaf);
    return leaf;
  };
  const getsThrough = async (sensor: string, leaf: RogueLeaf) =>
    waitFor(`the way of ${sensor}`, 30_000, () =>
      leaf.ask(uplinkSubject(sensor, 'suricata', 'alert')).then(
        (reply) => reply.includes('"seq"'),
        () => false,
      ),
    );
  try {
    const former = hub.pid;
    let killed = false;
    const late = await open(first, () => killed && hub.pid !== undefined && hub.pid !== former);
    killNow(former);
    killed = true;
    await getsThrough(first, late);

    // The server is being told of the one.
    const both = [
      await open(second, () => leaves.length === 3),
      await open(third, () => readFileSync(config, 'utf8').includes(`subject: "${uplinkSubjects(second)}"`)),
    ];
    for (const [n, sensor] of [second, third].entries()) await getsThrough(sensor, both[n]!);
  } finally {
    for (const leaf of leaves) await leaf.dispose();
    await bench.dispose();
  }
});

test('a server that an ended fleetd left behind is ended before another opens its store', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-hub-left-'));
  const open = (): HubProcess => new HubProcess({ program: sitePaths(site()).natsServer, dir });
  const [left, next] = [open(), open()];
  const config = [
    `listen: "127.0.0.1:${String(await freePort())}"`,
    `jetstream { store_dir: "${left.storeDir}" }`,
  ];
  try {
    await left.writeConfig(config.join('\n'));
    let ends = 0;
    await left.start(() => (ends += 1));
    expect(left.running).toBe(true);
    await next.start(() => undefined);
    await waitFor('the end of the first', 20_000, () => ends === 1);
    expect([left.running, next.running]).toEqual([false, true]);
  } finally {
    await left.stop();
    await next.stop();
    await rm(dir, { recursive: true, force: true });
  }
});

test('a configuration that the server does not take is refused before anything runs', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-hub-bad-'));
  const server = new HubProcess({ program: sitePaths(site()).natsServer, dir });
  try {
    await expect(server.writeConfig('listen: {')).rejects.toMatchObject({ code: 'FLEET_HUB_CONFIG_REFUSED' });
    const missing = new HubProcess({ program: join(dir, 'nowhere'), dir });
    await expect(missing.writeConfig('listen: "127.0.0.1:1"')).rejects.toThrow();
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
