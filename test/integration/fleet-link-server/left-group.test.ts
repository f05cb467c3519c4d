import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { linkFeature, LiveHub } from '@bulkhead/fleet-server/link';
import { openWeb, type FleetFeature, type Web } from '@bulkhead/fleet-server/web';
import { openLog, waitFor } from '@bulkhead/platform/kernel';
import { openLinkBench, type LinkBench } from '../../support/fleet/link-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

const A = testSensorId(1);

let bench: LinkBench;
let web: Web;
let base = '';
/** The sensor is in the group to which the role of the person is narrowed. */
let isInGroup = true;

beforeEach(async () => {
  isInGroup = true;
  bench = await openLinkBench();
  const idle = async () => undefined;
  const people: FleetFeature = {
    ...{ name: 'people', start: idle, stop: idle },
    guard: {
      onRequest: async (request) => {
        request.person = { id: 'p1', name: 'ann', roles: ['analyst'], may: () => isInGroup };
      },
    },
  };
  const link = linkFeature({ server: bench.server, live: new LiveHub(), nameOf: () => 'lab' });
  web = await openWeb({
    log: openLog('web', 'silent'),
    ...{ version: '0.1.0', tls: undefined, knowsHost: () => true, instrumentHosts: '*.localhost' },
    ...{ features: [people, link], pagesDir: undefined },
  });
  base = `http://127.0.0.1:${String(await web.listen('127.0.0.1', 0))}`;
});
afterEach(async () => {
  await web.close();
  await bench.dispose();
});

test.each(['events?follow=true', 'search/export?format=csv'])(
  'who may not read a sensor any more, because it left their group, gets no more of %s',
  async (path) => {
    let cancelled = false;
    let sent = 0;
    const lines = async function* (gone: AbortSignal) {
      while (!gone.aborted) {
        sent += 1;
        yield Buffer.from(`{"n":${String(sent)}}\n`);
        await sleep(50);
      }
      cancelled = true;
    };
    const sensor = await bench.sensor(1, { answer: (_ask, gone) => ({ status: 200, body: lines(gone) }) });
    await sensor.attach();
    const reply = await fetch(`${base}/api/v1/sensors/${A}/api/v1/${path}`);
    expect(reply.status).toBe(200);
    let read = '';
    let isOver = false;
    const reading = (async () => {
      for await (const part of reply.body as unknown as AsyncIterable<Uint8Array>)
        read += Buffer.from(part).toString();
    })().finally(() => (isOver = true));
    reading.catch(() => undefined);
    await waitFor('the first lines', 20_000, () => read.includes('"n":2}'));
    isInGroup = false;
    await waitFor('the end of the stream', 20_000, () => isOver);
    // Cut off, so that nobody takes it for whole.
    await expect(reading).rejects.toThrow();
    await waitFor('the sensor to be told', 20_000, () => cancelled);
  },
);
