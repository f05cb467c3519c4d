import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { waitFor } from '@bulkhead/platform/kernel';
import type { BusModel } from '@bulkhead/platform/bus';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';
import { killNow } from '../../support/kill.ts';

let bench: BusBench;
const suricata = busInstrument('suricata', { publish: ['alert', 'big'], accept: ['ruleset.apply'] });
const model: BusModel = busModel(
  [
    suricata,
    busInstrument('reader', {
      read: [{ from: 'suricata', type: 'alert' }],
      send: [{ to: 'suricata', command: 'ruleset.apply' }],
    }),
  ],
  { streamMib: 4 },
);
beforeEach(async () => {
  bench = await openBusBench();
  await bench.bus.ensure(model);
});
afterEach(async () => {
  await bench.dispose();
});

test('what is not a record, too large, or not granted is refused with a code, counted, and harms nothing else', async () => {
  const instrument = await bench.instrument(model, 'suricata');
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const refused = [
    [instrument.publish('alert', circular), 'BUS_RECORD_INVALID'],
    [instrument.publish('alert', [1] as unknown as Record<string, unknown>), 'BUS_RECORD_INVALID'],
    [instrument.publish('alert', { x: 'x'.repeat(800_000) }), 'BUS_RECORD_TOO_LARGE'],
    [instrument.publishRaw('alert', Buffer.from('{"a":1}\n{"b":2}')), 'BUS_RECORD_INVALID'],
    [instrument.publishRaw('alert', Buffer.from('')), 'BUS_RECORD_INVALID'],
    [instrument.publish('other', {}), 'BUS_NOT_PERMITTED'],
  ] as const;
  const good = [
    instrument.publish('alert', { n: 1 }),
    instrument.publishRaw('alert', Buffer.from('{"n":2}\n')),
  ];
  for (const [promise, code] of refused) await expect(promise).rejects.toMatchObject({ code });
  await Promise.all(good);
  expect(instrument.counters()).toEqual({
    accepted: 2,
    stored: 2,
    refused: 0,
    rejected: 6,
    waiting: 0,
    resent: 0,
  });
  expect(() => instrument.subscribe('suricata', 'dns', () => undefined)).toThrow(
    expect.objectContaining({
      code: 'BUS_NOT_PERMITTED',
      fields: { instrument: 'suricata', operation: 'subscribe', subject: 'event.suricata.dns' },
    }),
  );
  expect(() => instrument.options(z.strictObject({ home: z.string() }))).toThrow(
    expect.objectContaining({
      code: 'BUS_OPTIONS_INVALID',
      fields: { instrument: 'suricata', pointer: '/home' },
    }),
  );
});

test('a full stream refuses new records with BUS_STREAM_FULL; what is stored stays; other instruments go on', async () => {
  const instrument = await bench.instrument(model, 'suricata');
  const line = Buffer.from(`{"fill":"${'x'.repeat(200_000)}"}`);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 40 }, () => instrument.publishRaw('big', line)),
  );
  const codes = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [(outcome.reason as { code: string }).code] : [],
  );
  expect(new Set(codes)).toEqual(new Set(['BUS_STREAM_FULL']));
  const { stored, refused, accepted } = instrument.counters();
  expect(stored).toBeGreaterThan(15);
  expect(stored + refused).toBe(accepted);
  await bench.bus.publishPlatform('instrument.failed', { instrument: 'suricata' });
  const states = await bench.bus.streams();
  expect(states.find((state) => state.instrument === 'suricata')).toMatchObject({
    messages: stored,
    firstSequence: 1,
  });
  const health = await bench.bus.request('suricata', 'health', {}, 2_000);
  expect(health).toMatchObject({ counters: { 'bus.refused': refused } });
});

test('memory is bounded while the bus is away: the buffer fills, says so, and drains when the bus is back', async () => {
  const instrument = await bench.instrument(model, 'suricata', { maxBufferBytes: 1024 * 1024 });
  const line = Buffer.from(`{"fill":"${'x'.repeat(10_000)}"}`);
  killNow(bench.bus.serverPid(), 'SIGSTOP');
  const results: Promise<void>[] = [];
  try {
    for (let i = 0; i < 200; i += 1) results.push(instrument.publishRaw('alert', line));
  } finally {
    killNow(bench.bus.serverPid(), 'SIGCONT');
  }
  const outcomes = await Promise.allSettled(results);
  const rejected = outcomes.filter((outcome) => outcome.status === 'rejected');
  expect(rejected.length).toBeGreaterThan(80);
  expect(rejected.every(({ reason }) => (reason as { code: string }).code === 'BUS_BUFFER_FULL')).toBe(true);
  expect(instrument.counters()).toMatchObject({ waiting: 0, refused: 0, rejected: rejected.length });
  await instrument.ready();
});

test('a right that is taken away while records wait: they are refused with the subject, the instrument stays connected', async () => {
  const instrument = await bench.instrument(model, 'suricata');
  await instrument.publish('alert', { n: 1 });
  await bench.bus.ensure({
    ...model,
    instruments: model.instruments.map((other) =>
      other.name === 'suricata' ? { ...other, publish: ['big'] } : other,
    ),
  });
  await expect(instrument.publish('alert', { n: 2 })).rejects.toMatchObject({
    code: 'BUS_NOT_PERMITTED',
    fields: { subject: 'event.suricata.alert' },
  });
  await instrument.publish('big', { n: 3 });
});

test('commands: an error of the recipient, nobody there, no answer, no right', async () => {
  const reader = await bench.instrument(model, 'reader');
  await expect(reader.send('suricata', 'ruleset.apply', {})).rejects.toMatchObject({
    code: 'BUS_NO_RESPONDER',
  });
  const instrument = await bench.instrument(model, 'suricata');
  await expect(reader.send('suricata', 'ruleset.apply', {})).rejects.toMatchObject({
    code: 'BUS_COMMAND_FAILED',
    fields: { reason: 'BUS_UNKNOWN_COMMAND' },
  });
  instrument.handle('ruleset.apply', () => {
    throw Object.assign(new Error('line 3 does not compile'), { code: 'RULES_INVALID' });
  });
  await expect(reader.send('suricata', 'ruleset.apply', {})).rejects.toMatchObject({
    message: expect.stringContaining('line 3') as string,
    fields: { reason: 'RULES_INVALID' },
  });
  instrument.handle('ruleset.apply', () => sleep(1_000));
  await expect(reader.send('suricata', 'ruleset.apply', {}, { timeoutMs: 100 })).rejects.toMatchObject({
    code: 'BUS_TIMEOUT',
  });
  await expect(reader.send('suricata', 'other', {})).rejects.toMatchObject({ code: 'BUS_NOT_PERMITTED' });
  expect(() => instrument.handle('other', () => 1)).toThrow(
    expect.objectContaining({ code: 'BUS_NOT_PERMITTED' }),
  );
  await expect(bench.bus.request('suricata', 'dance', {}, 2_000)).resolves.toMatchObject({
    ok: false,
    code: 'BUS_UNKNOWN_COMMAND',
  });
  instrument.onConfigure((options) => ({ ok: true, detail: JSON.stringify(options) }));
  await expect(bench.bus.request('suricata', 'configure', { a: 1 }, 2_000)).resolves.toEqual({
    ok: true,
    detail: '{"a":1}',
  });
});

test('a handler that fails gets its message again, in order, and nothing is acknowledged before it was handled', async () => {
  const [instrument, reader] = [
    await bench.instrument(model, 'suricata'),
    await bench.instrument(model, 'reader'),
  ];
  const seen: number[] = [];
  let failures = 0;
  reader.subscribe('suricata', 'alert', (event) => {
    const n = event.record['n'] as number;
    if (n === 2 && failures < 1) {
      failures += 1;
      throw new Error('not yet');
    }
    seen.push(n);
  });
  for (const n of [1, 2, 3]) await instrument.publish('alert', { n });
  await waitFor('all of them', 10_000, () => new Set(seen).size === 3);
  expect(failures).toBe(1);
  await waitFor('the acknowledgements', 5_000, async () => {
    const state = (await bench.bus.streams()).find((other) => other.instrument === 'suricata');
    return state?.readers[0]?.unacknowledged === 0 && state.readers[0].pending === 0;
  });
});

test.each(['SIGTERM', 'SIGPWR'] as const)(
  '%s: what was published is stored, stop work is done, exit 0',
  async (signal) => {
    const file = await bench.writeInstrumentFile(model, 'suricata');
    const program = join(bench.site.stateDir, 'program.mjs');
    const source = `
    import { openInstrument } from '@bulkhead/sdk';
    const instrument = await openInstrument({ file: ${JSON.stringify(file)} });
    instrument.onStop(async () => { await instrument.publish('alert', { last: true }); });
    for (let n = 0; n < 500; n += 1) void instrument.publish('alert', { n });
    instrument.log.info('published');
  `;
    await writeFile(`${program}.ts`, source);
    // Bundled as instruments are; createRequire, because the bus client is CommonJS.
    await build({
      stdin: { contents: source, resolveDir: import.meta.dirname },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: program,
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
    });
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await waitFor('the program', 20_000, () => output.includes('published'));
    child.kill(signal);
    expect(await exit).toBe(0);
    let records = 0;
    const stop = new AbortController();
    const feed = await bench.bus.subscribeEvents(
      { instrument: 'suricata', start: 'beginning' },
      (message) => void (records += Number(message.headers['bh-count'])),
      stop.signal,
    );
    await feed.caughtUp;
    stop.abort();
    expect(records).toBe(501);
  },
);
