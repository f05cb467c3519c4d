import type { NatsConnection } from '@nats-io/transport-node';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { consumerName, streamName, type BusModel } from '@bulkhead/platform/bus';
import { connectAsInstrument } from '../../support/nats-clients.ts';
import { busModel, openBusBench, type BusBench } from '../../support/nats.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const TYPES = ['alert', 'dns'];

let bench: BusBench;
beforeAll(async () => {
  bench = await openBusBench();
});
afterAll(async () => {
  await bench.dispose();
});

const anyModel = fc
  .subarray(NAMES, { minLength: 1 })
  .chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc.record({
          name: fc.constant(name),
          publish: fc.subarray(TYPES),
          read: fc.subarray(NAMES.map((from) => ({ from, type: 'alert' }))),
          send: fc.subarray(NAMES.map((to) => ({ to, command: 'ping' }))),
          accept: fc.subarray(['ping']),
        }),
      ),
    ),
  )
  .map((instruments) => busModel(instruments, { streamMib: 2 }));

// What the server makes of a changed configuration depends on what it had before; so each right is tried after each change.
test('whatever the rights were before, after ensure exactly those of the model work', async () => {
  const models = fc.sample(anyModel, { numRuns: 14, seed: 42 });
  const connections = new Map<string, NatsConnection>();
  for (const [step, model] of models.entries()) {
    await bench.bus.ensure(model);
    for (const { name } of model.instruments) {
      const held = connections.get(name);
      if (held === undefined || held.isClosed()) connections.set(name, await connectAndAnswer(name));
    }
    // A flush never ends when the server closes the connection meanwhile, which is what it does to those who left.
    await Promise.all(
      [...connections.values()].map((held) =>
        Promise.race([held.flush().catch(() => undefined), held.closed()]),
      ),
    );
    expect(await rightsThatWork(model, connections), `step ${String(step)}`).toEqual(rightsOf(model));
  }
  await Promise.all([...connections.values()].map((connection) => connection.close()));
});

async function connectAndAnswer(name: string): Promise<NatsConnection> {
  const connection = await connectAsInstrument(bench, name);
  for (const subject of [`message.${name}.>`, `control.${name}.>`]) {
    connection.subscribe(subject, { callback: (_, message) => void message.respond('{"ok":true}') });
  }
  await connection.flush();
  return connection;
}

/** The rights of a model, one line each. */
function rightsOf(model: BusModel): string[] {
  const names = model.instruments.map(({ name }) => name);
  return model.instruments
    .flatMap(({ name, publish, read, send }) => [
      `${name} is controlled`,
      ...publish.map((type) => `${name} publishes ${type}`),
      ...read.filter(({ from }) => names.includes(from)).map(({ from }) => `${name} reads ${from}`),
      ...send
        .filter(
          ({ to }) =>
            to !== name &&
            model.instruments.find((other) => other.name === to)?.accept.includes('ping') === true,
        )
        .map(({ to }) => `${name} asks ${to}`),
    ])
    .sort();
}

/** Tries everything that could be a right. */
async function rightsThatWork(
  model: BusModel,
  connections: ReadonlyMap<string, NatsConnection>,
): Promise<string[]> {
  const tried = model.instruments.flatMap(({ name }) => {
    const connection = connections.get(name);
    const works = async (right: string, subject: string, body: string, good: RegExp): Promise<string[]> => {
      try {
        const reply = await connection?.request(subject, body, { timeout: 3_000 });
        return good.test(reply?.string() ?? '') ? [right] : [];
      } catch {
        return [];
      }
    };
    const control = bench.bus.request(name, 'health', {}, 3_000).then(
      () => [`${name} is controlled`],
      () => [],
    );
    return [
      control,
      ...TYPES.map((type) =>
        works(`${name} publishes ${type}`, `event.${name}.${type}`, '{}\n', /"seq":[1-9]/),
      ),
      ...NAMES.map((from) =>
        works(
          `${name} reads ${from}`,
          `$JS.platform.API.CONSUMER.INFO.${streamName(from)}.${consumerName(name, 'alert')}`,
          '',
          /"ack_policy"/,
        ),
      ),
      ...NAMES.map((to) => works(`${name} asks ${to}`, `message.${to}.${name}.ping`, '{}', /"ok":true/)),
    ];
  });
  return (await Promise.all(tried)).flat().sort();
}
