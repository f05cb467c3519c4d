import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { waitFor } from '@bulkhead/platform/kernel';
import { defineCommand, LIMITS, type Instrument } from '@bulkhead/sdk';
import { connectAsInstrument } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

const apply = defineCommand({
  name: 'ruleset.apply',
  request: z.strictObject({
    version: z.string().max(64),
    rules: z.array(z.strictObject({ file: z.string().max(64) })).max(4),
  }),
  reply: z.strictObject({ job: z.string().max(64) }),
  timeoutMs: 1_500,
  maxRequestBytes: 1_024,
});
const SUBJECT = 'message.ids.manager.ruleset.apply';
const RULES = { version: '1', rules: [{ file: 'a.rules' }] };

const model = busModel([
  busInstrument('ids', { accept: ['ruleset.apply'] }),
  busInstrument('manager', { send: [{ to: 'ids', command: 'ruleset.apply' }] }),
  busInstrument('second', { send: [{ to: 'ids', command: 'ruleset.apply' }] }),
]);
let bench: BusBench;
let ids: Instrument;
let manager: Instrument;

beforeAll(async () => {
  bench = await openBusBench('btc');
  await bench.bus.ensure(model);
  ids = await bench.instrument(model, 'ids');
  manager = await bench.instrument(model, 'manager');
});
afterAll(async () => {
  await bench.dispose();
});

test('both ends check both ways; the sender is proven by the subject, whatever the body says', async () => {
  const seen: unknown[] = [];
  ids.handle(apply, (ruleset, from) => {
    seen.push([ruleset.rules.length, from]);
    return { job: `${from}-${ruleset.version}` };
  });
  const { job } = await manager.send('ids', apply, RULES);
  expect(job).toBe('manager-1');
  expect(seen).toEqual([[1, 'manager']]);
  const wrong = { version: '1', rules: [{ file: 7 }], from: 'platform' } as unknown as typeof RULES;
  await expect(manager.send('ids', apply, wrong)).rejects.toMatchObject({
    code: 'BUS_PAYLOAD_INVALID',
    fields: { operation: 'send', subject: SUBJECT, pointer: '/rules/0/file' },
  });
  // A sender that does not check is refused by the recipient, before anything of the instrument's own sees it.
  await expect(manager.send('ids', 'ruleset.apply', wrong)).rejects.toMatchObject({
    code: 'BUS_COMMAND_FAILED',
    message: expect.stringContaining('/rules/0/file') as string,
    fields: { reason: 'BUS_PAYLOAD_INVALID' },
  });
  expect(seen).toHaveLength(1);
});

test('a reply that does not fit is an error at both ends', async () => {
  ids.handle('ruleset.apply', () => ({ job: 5 }));
  await expect(manager.send('ids', apply, RULES)).rejects.toMatchObject({
    code: 'BUS_REPLY_INVALID',
    fields: { pointer: '/job' },
  });
  ids.handle(apply, () => ({ job: 'x'.repeat(65) }));
  await expect(manager.send('ids', apply, RULES)).rejects.toMatchObject({
    fields: { reason: 'BUS_REPLY_INVALID' },
  });
});

test('requests and replies are bounded; what is too large is said, not lost', async () => {
  ids.handle('ruleset.apply', () => 'x'.repeat(LIMITS.commandBytes));
  await expect(manager.send('ids', 'ruleset.apply', {})).rejects.toMatchObject({
    fields: { reason: 'BUS_REPLY_TOO_LARGE' },
  });
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  ids.handle('ruleset.apply', () => circular);
  await expect(manager.send('ids', 'ruleset.apply', {})).rejects.toMatchObject({
    fields: { reason: 'BUS_REPLY_INVALID' },
  });
  await expect(manager.send('ids', 'ruleset.apply', circular)).rejects.toMatchObject({
    code: 'BUS_PAYLOAD_INVALID',
  });
  ids.handle(apply, () => ({ job: '1' }));
  const large = { version: '1', rules: [], padding: 'x'.repeat(2_000) };
  await expect(manager.send('ids', 'ruleset.apply', large)).rejects.toMatchObject({
    fields: { reason: 'BUS_PAYLOAD_TOO_LARGE' },
  });
  const raw = await connectAsInstrument(bench, 'manager');
  expect((await raw.request(SUBJECT, '{"version":')).json()).toMatchObject({ code: 'BUS_PAYLOAD_INVALID' });
  await raw.close();
});

test('replies that never come: the recipient says so in time, and the sender never waits longer than it wants', async () => {
  ids.handle(apply, async () => {
    await sleep(3_000);
    return { job: 'late' };
  });
  const started = performance.now();
  await expect(manager.send('ids', apply, RULES, { timeoutMs: 200 })).rejects.toMatchObject({
    code: 'BUS_TIMEOUT',
  });
  await expect(manager.send('ids', apply, RULES, { timeoutMs: 30_000 })).rejects.toMatchObject({
    fields: { reason: 'BUS_TIMEOUT' },
  });
  expect(performance.now() - started).toBeLessThan(10_000);
  // Somebody who takes requests and answers nothing at all.
  await ids.close();
  const silent = await connectAsInstrument(bench, 'ids');
  silent.subscribe('message.ids.>', { callback: () => undefined });
  await silent.flush();
  await expect(manager.send('ids', apply, RULES)).rejects.toMatchObject({ code: 'BUS_TIMEOUT' });
  await silent.close();
  await waitFor('nobody there', 5_000, async () =>
    manager.send('ids', apply, RULES).then(
      () => false,
      (error: unknown) => (error as { code: string }).code === 'BUS_NO_RESPONDER',
    ),
  );
  ids = await bench.instrument(model, 'ids');
});

test('one sender cannot take all places of a recipient, and none those of the platform', async () => {
  let end: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => {
    end = resolve;
  });
  let begun = 0;
  ids.handle('ruleset.apply', async () => {
    begun += 1;
    await waiting;
  });
  const second = await bench.instrument(model, 'second');
  const flood = Array.from({ length: 40 }, () =>
    manager.send('ids', 'ruleset.apply', {}).then(
      () => 'done',
      (error: unknown) => (error as { fields: { reason: string } }).fields.reason,
    ),
  );
  await waitFor('16 at work', 5_000, () => begun === 16);
  const other = second.send('ids', 'ruleset.apply', {});
  await waitFor('the other sender', 5_000, () => begun === 17);
  expect(await bench.bus.request('ids', 'health', {}, 3_000)).toMatchObject({ state: 'starting' });
  end();
  await other;
  const outcomes = await Promise.all(flood);
  expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(16);
  expect(outcomes.filter((outcome) => outcome === 'BUS_BUSY')).toHaveLength(24);
});

test('a definition cannot ask for more than the bus allows', () => {
  const schemas = { name: 'x', request: z.unknown(), reply: z.unknown() };
  expect(() => defineCommand({ ...schemas, timeoutMs: 61_000 })).toThrow(TypeError);
  expect(() => defineCommand({ ...schemas, maxRequestBytes: LIMITS.commandBytes + 1 })).toThrow(TypeError);
});
