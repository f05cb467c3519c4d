import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { openLinkBench, type LinkBench } from '../../support/fleet/link-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

const A = testSensorId(1);
const ASK = { method: 'GET', path: '/v1/status', user: 'ann', roles: ['viewer', 'analyst'] };
const KIB = 1024;

let bench: LinkBench;
beforeEach(async () => {
  bench = await openLinkBench({ limits: { asksPerSensor: 3 } });
});
afterEach(async () => {
  await bench.dispose();
});

test('a question reaches the sensor with who asks, and its answer comes back', async () => {
  await (await bench.sensor(1)).attach();
  const body = Buffer.from('{"a":1}');
  const answer = await bench.server.links.collect(A, { ...ASK, method: 'POST', body });
  expect(answer.status).toBe(200);
  expect(answer.json).toMatchObject({
    method: 'POST',
    path: '/v1/status',
    user: 'ann',
    roles: ['viewer', 'analyst'],
  });
  const { bodyJson } = answer.json as { bodyJson: { data: number[] } };
  expect(Buffer.from(bodyJson.data).toString()).toBe('{"a":1}');
});

test('the status of the answer is passed on, and one that is none becomes 502', async () => {
  const sensor = await bench.sensor(1, {
    answer: ({ path }) => ({ status: Number(path.slice(1)), body: [Buffer.from('{"error":1}')] }),
  });
  await sensor.attach();
  expect((await bench.server.links.collect(A, { ...ASK, path: '/403' })).status).toBe(403);
  expect((await bench.server.links.collect(A, { ...ASK, path: '/7' })).status).toBe(502);
});

test('a large answer waits for its reader: of 16 MiB, little is on its way while nobody reads', async () => {
  let sent = 0;
  const chunk = Buffer.alloc(64 * KIB, 1);
  const sensor = await bench.sensor(1, {
    answer: () => ({
      status: 200,
      body: (function* () {
        for (; sent < 256;) {
          sent += 1;
          yield chunk;
        }
      })(),
    }),
  });
  await sensor.attach();
  const answer = await bench.server.links.ask(A, ASK);
  await waitFor('the window to be full', 10_000, () => sent >= 4);
  // Another question is not held up by it.
  const slow = sent;
  expect(slow).toBeLessThan(8);
  let bytes = 0;
  for await (const part of answer) bytes += part.length;
  expect(bytes).toBe(16 * 1024 * KIB);
});

test('a question beside one that nobody reads is answered', async () => {
  const chunk = Buffer.alloc(64 * KIB, 1);
  const sensor = await bench.sensor(1, {
    answer: ({ path }) => ({
      status: 200,
      body: path === '/v1/large' ? Array<Buffer>(64).fill(chunk) : [chunk],
    }),
  });
  await sensor.attach();
  const { links } = bench.server;
  const large = await links.ask(A, { ...ASK, path: '/v1/large' });
  expect((await links.collect(A, ASK)).body).toHaveLength(64 * KIB);
  large.cancel();
  await waitFor('the sensor to know', 5_000, () =>
    sensor.received.some(({ $case }) => $case === 'cancelAsk'),
  );
});

test('a sensor that knows no credit and floods a slow reader loses the question, not the link', async () => {
  const chunk = Buffer.alloc(64 * KIB, 1);
  const sensor = await bench.sensor(1, {
    ignoresCredit: true,
    answer: () => ({ status: 200, body: Array<Buffer>(64).fill(chunk) }),
  });
  await sensor.attach();
  const answer = await bench.server.links.ask(A, ASK);
  await waitFor('the buffer to be full', 10_000, () =>
    sensor.received.some(({ $case }) => $case === 'cancelAsk'),
  );
  const read = async () => {
    for await (const part of answer) expect(part.length).toBeGreaterThan(0);
  };
  await expect(read()).rejects.toMatchObject({ code: 'FLEET_LINKS_READER_SLOW' });
  expect(bench.server.links.attached(A)).toBe(true);
});

test('answers have an end: in bytes, in time, and when nobody wants them any more', async () => {
  const cancelled: string[] = [];
  const sensor = await bench.sensor(1, {
    answer: ({ path }, signal) => {
      signal.addEventListener('abort', () => cancelled.push(path));
      if (path === '/v1/never') return new Promise(() => undefined);
      return { status: 200, body: Array<Buffer>(100).fill(Buffer.alloc(16 * KIB)) };
    },
  });
  await sensor.attach();
  const { links } = bench.server;
  const never = { ...ASK, path: '/v1/never' };
  await expect(links.collect(A, { ...ASK, maxBytes: 100 * KIB })).rejects.toMatchObject({
    code: 'FLEET_LINKS_ANSWER_TOO_LARGE',
  });
  await expect(links.ask(A, { ...never, deadlineMs: 200 })).rejects.toMatchObject({
    code: 'FLEET_LINKS_TIMEOUT',
  });
  const abort = new AbortController();
  const unwanted = links.ask(A, { ...never, signal: abort.signal });
  abort.abort();
  await expect(unwanted).rejects.toMatchObject({ code: 'FLEET_LINKS_CANCELLED' });
  for await (const part of await links.ask(A, { ...ASK, path: '/v1/first-only' })) {
    expect(part.length).toBe(16 * KIB);
    break;
  }
  await waitFor('the sensor to be told of all', 5_000, () => cancelled.length === 4);
});

test('at most so many questions wait for one sensor, and all of them end with its link', async () => {
  const sensor = await bench.sensor(1, { answer: () => new Promise(() => undefined) });
  await sensor.attach();
  const { links } = bench.server;
  const waiting = [links.ask(A, ASK), links.ask(A, ASK), links.ask(A, ASK)];
  const ends = waiting.map((one) => expect(one).rejects.toMatchObject({ code: 'FLEET_LINKS_LOST' }));
  await expect(links.ask(A, ASK)).rejects.toMatchObject({ code: 'FLEET_LINKS_BUSY' });
  const large = links.ask(A, { ...ASK, body: Buffer.alloc(257 * KIB) });
  await expect(large).rejects.toMatchObject({ code: 'FLEET_LINKS_ASK_TOO_LARGE' });
  const detached = once(links.events, 'detached');
  sensor.close();
  await Promise.all([...ends, detached]);
});
