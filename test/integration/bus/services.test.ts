import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BulkheadError, waitFor } from '@bulkhead/platform/kernel';
import { BUS_LIMITS } from '@bulkhead/platform/bus';
import type { Instrument } from '@bulkhead/sdk';
import { connectAsInstrument } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';
import { killNow } from '../../support/kill.ts';

const model = busModel([
  busInstrument('downloader', { services: ['deliver', 'echo'] }),
  busInstrument('plain'),
]);
let bench: BusBench;
let downloader: Instrument;

beforeAll(async () => {
  bench = await openBusBench('bsv');
  // Served before there is a server: the order does not matter.
  bench.bus.serve('echo', (instrument, payload) => Promise.resolve({ instrument, payload }));
  await bench.bus.ensure(model);
  downloader = await bench.instrument(model, 'downloader');
});
afterAll(async () => {
  await bench.dispose();
});

test('a service is asked by those who may, and knows who asks', async () => {
  const payload = { instrument: 'plain', from: 'plain' };
  expect(await downloader.ask('echo', payload)).toEqual({ instrument: 'downloader', payload });
  const plain = await bench.instrument(model, 'plain');
  await expect(plain.ask('echo', {})).rejects.toMatchObject({
    code: 'BUS_NOT_PERMITTED',
    fields: { instrument: 'plain', operation: 'ask', subject: 'platform.plain.echo' },
  });
});

test('nobody serves it: said at once', async () => {
  const asked = downloader.ask('deliver', {});
  await expect(asked).rejects.toMatchObject({ code: 'BUS_NO_RESPONDER' });
});

test('errors of the platform keep their code; others tell nothing of what happened inside', async () => {
  const stop = bench.bus.serve('deliver', (_, payload) => {
    const { fail } = payload as { fail: string };
    if (fail === 'known')
      throw new BulkheadError({ code: 'STORAGE_VOLUME_FULL', message: 'The volume is full.' });
    if (fail === 'large') return Promise.resolve('x'.repeat(BUS_LIMITS.serviceBytes.reply));
    if (fail === 'number') return Promise.resolve(1n);
    throw new Error('/var/lib/secret is not there');
  });
  const refused = async (fail: string): Promise<string> => {
    const error = await downloader.ask('deliver', { fail }).catch((one: unknown) => one as Error);
    expect(error).toMatchObject({ code: 'BUS_SERVICE_REFUSED' });
    expect((error as Error).message).not.toContain('secret');
    return String((error as { fields: { reason: unknown } }).fields.reason);
  };
  try {
    expect(await refused('known')).toBe('STORAGE_VOLUME_FULL');
    expect(await refused('unknown')).toBe('BUS_SERVICE_FAILED');
    expect(await refused('large')).toBe('BUS_REPLY_TOO_LARGE');
    expect(await refused('number')).toBe('BUS_SERVICE_FAILED');
  } finally {
    stop();
  }
});

test('at most 4 requests of one instrument are worked on; the next is refused, and goes when one has ended', async () => {
  let end: (value: string) => void = () => undefined;
  const waiting = new Promise<string>((resolve) => {
    end = resolve;
  });
  let begun = 0;
  const stop = bench.bus.serve('deliver', () => {
    begun += 1;
    return waiting;
  });
  try {
    const four = Array.from({ length: 4 }, () => downloader.ask('deliver', {}));
    await waitFor('four requests', 5_000, () => begun === 4);
    await expect(downloader.ask('deliver', {})).rejects.toMatchObject({ code: 'BUS_SERVICE_BUSY' });
    await expect(downloader.ask('echo', {})).rejects.toMatchObject({ code: 'BUS_SERVICE_BUSY' });
    end('done');
    expect(await Promise.all(four)).toEqual(['done', 'done', 'done', 'done']);
    expect(await downloader.ask('echo', 1)).toMatchObject({ payload: 1 });
  } finally {
    stop();
  }
});

test('what is not JSON or larger than 64 KiB is refused with a code', async () => {
  await expect(downloader.ask('echo', 'x'.repeat(70_000))).rejects.toMatchObject({
    code: 'BUS_PAYLOAD_TOO_LARGE',
  });
  const raw = await connectAsInstrument(bench, 'downloader');
  for (const [body, code] of [
    ['{"a":', 'BUS_PAYLOAD_INVALID'],
    ['x'.repeat(BUS_LIMITS.serviceBytes.request + 1), 'BUS_PAYLOAD_TOO_LARGE'],
  ] as const) {
    const reply = await raw.request('platform.downloader.echo', body, { timeout: 5_000 });
    expect(reply.json()).toMatchObject({ ok: false, code });
  }
  await raw.close();
});

test('services go on after a restart of the server, and end with the right', async () => {
  killNow(bench.bus.serverPid());
  await waitFor('the service', 30_000, async () =>
    downloader.ask('echo', 2, { timeoutMs: 1_000 }).then(
      () => true,
      () => false,
    ),
  );
  await bench.bus.ensure({
    ...model,
    instruments: [busInstrument('downloader', { services: ['deliver'] }), busInstrument('plain')],
  });
  await expect(downloader.ask('echo', 3, { timeoutMs: 3_000 })).rejects.toMatchObject({
    code: 'BUS_NOT_PERMITTED',
  });
  await bench.bus.ensure(model);
  expect(await downloader.ask('echo', 4)).toMatchObject({ payload: 4 });
});

test('an instrument that floods a service is not listened to for a while; others are', async () => {
  const both = busModel([
    busInstrument('downloader', { services: ['echo'] }),
    busInstrument('plain', { services: ['echo'] }),
  ]);
  await bench.bus.ensure(both);
  const plain = await bench.instrument(both, 'plain');
  const raw = await connectAsInstrument(bench, 'downloader');
  for (let i = 0; i < 5_000; i += 1)
    raw.publish('platform.downloader.echo', '{}', { reply: '_INBOX.downloader.flood' });
  await raw.flush();
  await waitFor('nobody to listen', 3_000, async () =>
    raw.request('platform.downloader.echo', '{}', { timeout: 500 }).then(
      () => false,
      (error: unknown) => /no responders/i.test(String(error)),
    ),
  );
  expect(await plain.ask('echo', 5)).toMatchObject({ instrument: 'plain' });
  await sleep(BUS_LIMITS.serviceRestMs);
  expect(await downloader.ask('echo', 6)).toMatchObject({ instrument: 'downloader' });
  await raw.close();
});
