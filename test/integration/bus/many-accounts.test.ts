import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { BUS_LIMITS, consumerName, streamName } from '@bulkhead/platform/bus';
import { connectAsInstrument, residentMib } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

const COUNT = BUS_LIMITS.instruments;
const names = Array.from({ length: COUNT }, (_, i) => `tool-${String(i)}`);
const instruments = names.map((name, i) =>
  busInstrument(name, {
    publish: ['alert', 'dns', 'flow'],
    accept: ['ping'],
    read: [1, 2, 3].map((step) => ({ from: names[(i + step) % COUNT] ?? '', type: 'alert' })),
    send: [{ to: names[(i + 1) % COUNT] ?? '', command: 'ping' }],
  }),
);
const model = busModel(instruments, { streamMib: 4 });

let bench: BusBench;
beforeAll(async () => {
  bench = await openBusBench();
});
afterAll(async () => {
  await bench.dispose();
});

test(`${String(COUNT)} instruments: started within bounds; a reload keeps everybody connected and outstanding pulls served`, async () => {
  const figures: Record<string, number> = {};
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await work();
    figures[name] = Math.round(performance.now() - started);
    return result;
  };
  await timed('first start, ms', () => bench.bus.ensure(model));
  await timed('nothing to change, ms', () => bench.bus.ensure(model));
  const connections = new Map<string, NatsConnection>();
  for (const name of names) connections.set(name, await connectAsInstrument(bench, name));

  // Everybody has a pull outstanding when the rights of one of them change.
  const got = new Map<string, string[]>(names.map((name) => [name, []]));
  for (const { name, read } of instruments) {
    const connection = connections.get(name);
    connection?.subscribe(`_INBOX.${name}.p`, {
      callback: (_, message) => {
        if (message.data.length > 0) got.get(name)?.push(message.string());
      },
    });
    for (const { from, type } of read) {
      const pull = `$JS.platform.API.CONSUMER.MSG.NEXT.${streamName(from)}.${consumerName(name, type)}`;
      connection?.publish(pull, JSON.stringify({ batch: 5, expires: 20_000_000_000 }), {
        reply: `_INBOX.${name}.p`,
      });
    }
    await connection?.flush();
  }
  const changed = instruments.map((instrument, i) => (i === 0 ? { ...instrument, read: [] } : instrument));
  expect(await timed('reload, ms', () => bench.bus.ensure({ ...model, instruments: changed }))).toEqual({
    restarted: false,
    reloaded: true,
  });
  for (const name of names) {
    const answer = await connections.get(name)?.request(`event.${name}.alert`, `{"from":"${name}"}\n`);
    expect(answer?.json()).toMatchObject({ seq: 1 });
  }
  await waitFor('the pulls of the others', 10_000, () =>
    names.slice(1).every((name) => got.get(name)?.length === 3),
  );
  await sleep(200);
  expect(got.get('tool-0')).toEqual([]);
  expect([...connections.values()].filter((connection) => connection.isClosed())).toEqual([]);

  // A burst of changes, each of which must have taken when ensure returns.
  await timed('20 reloads, ms', async () => {
    for (let i = 0; i < 20; i += 1) {
      const next = instruments.map((instrument, index) =>
        index === 5 && i % 2 === 0 ? { ...instrument, publish: ['alert'] } : instrument,
      );
      await bench.bus.ensure({ ...model, instruments: next });
      const asked = connections.get('tool-5')?.request('event.tool-5.dns', '{}\n', { timeout: 2_000 });
      if (i % 2 === 0) await expect(asked).rejects.toThrow(/Permissions Violation/);
      else expect((await asked)?.json()).toHaveProperty('seq');
    }
  });
  figures['server memory, MiB'] = Math.round(await residentMib(bench.bus.serverPid() ?? 0));
  console.log(`${String(COUNT)} accounts: ${JSON.stringify(figures)}`);
  expect(figures['reload, ms']).toBeLessThan(4_000);
  expect(figures['server memory, MiB']).toBeLessThan(512);
  await Promise.all([...connections.values()].map((connection) => connection.close()));
});
