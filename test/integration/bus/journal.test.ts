import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import type { JournalEntry } from '@bulkhead/platform/bus';
import type { Instrument } from '@bulkhead/sdk';
import { connectAsInstrument } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';
import { killNow } from '../../support/kill.ts';

const model = busModel([
  busInstrument('ids', { accept: ['ruleset.apply'], services: ['journal'] }),
  busInstrument('plain', { accept: ['ping'] }),
  busInstrument('manager', {
    send: [
      { to: 'ids', command: 'ruleset.apply' },
      { to: 'plain', command: 'ping' },
    ],
  }),
]);
let bench: BusBench;
let manager: Instrument;
let ids: Instrument;
let told: JournalEntry[] = [];

beforeAll(async () => {
  bench = await openBusBench('bjn');
  await bench.bus.ensure(model);
  bench.bus.traffic.onMessage((entry) => told.push(entry));
  manager = await bench.instrument(model, 'manager');
  ids = await bench.instrument(model, 'ids');
});
beforeEach(() => {
  told = [];
});
afterAll(async () => {
  await bench.dispose();
});

async function entry(expected: Partial<JournalEntry>): Promise<void> {
  await waitFor(JSON.stringify(expected), 10_000, () => told.length > 0);
  expect(told.shift()).toMatchObject(expected);
}

test('who commanded what, and what came of it: done, failed, nobody there, answered without a word', async () => {
  const command = { from: 'manager', to: 'ids', command: 'ruleset.apply', count: 1 };
  ids.handle('ruleset.apply', () => ({ job: '1' }));
  await manager.send('ids', 'ruleset.apply', {});
  await entry({ ...command, outcome: 'done', statedBy: 'ids' });
  ids.handle('ruleset.apply', () => {
    throw Object.assign(new Error('no'), { code: 'SURICATA_RULES_BROKEN' });
  });
  await expect(manager.send('ids', 'ruleset.apply', {})).rejects.toThrow(/no/);
  await entry({ ...command, outcome: 'failed', code: 'SURICATA_RULES_BROKEN', statedBy: 'ids' });
  await expect(manager.send('plain', 'ping', {})).rejects.toMatchObject({ code: 'BUS_NO_RESPONDER' });
  await entry({ from: 'manager', to: 'plain', command: 'ping', outcome: 'unavailable' });
  const plain = await bench.instrument(model, 'plain');
  plain.handle('ping', () => 'pong');
  await manager.send('plain', 'ping', {});
  await entry({ to: 'plain', outcome: 'answered' });
});

test('a sender that wants no answer is in the journal too', async () => {
  const raw = await connectAsInstrument(bench, 'manager');
  raw.publish('message.ids.manager.ruleset.apply', '{}');
  await entry({ from: 'manager', to: 'ids', outcome: 'sent' });
  await raw.close();
});

test("the platform's own commands are recorded, what it asks routinely is not", async () => {
  ids.handle('ruleset.apply', () => 1);
  await bench.bus.request('ids', 'health', {}, 3_000);
  await bench.bus.send('ids', 'ruleset.apply', {}, 3_000, { routine: true });
  await bench.bus.send('ids', 'ruleset.apply', {}, 3_000);
  await entry({ from: 'platform', to: 'ids', command: 'ruleset.apply', outcome: 'done' });
  await bench.bus.request('ids', 'configure', {}, 3_000);
  await entry({ command: 'control.configure', outcome: 'failed', code: 'BUS_UNKNOWN_COMMAND' });
  expect(told).toEqual([]);
});

test('many commands are counted, a flood is not followed, and the journal goes on after a restart', async () => {
  ids.handle('ruleset.apply', () => ({ job: '1' }));
  for (let i = 0; i < 30; i += 1) await manager.send('ids', 'ruleset.apply', {});
  expect(told.length).toBeLessThanOrEqual(8);
  const raw = await connectAsInstrument(bench, 'manager');
  for (let i = 0; i < 3_000; i += 1) raw.publish('message.ids.manager.ruleset.apply', '{}');
  await raw.flush();
  await waitFor('the end of the record', 5_000, () => told.some(({ outcome }) => outcome === 'unrecorded'));
  await raw.close();
  killNow(bench.bus.serverPid());
  told = [];
  const plain = await bench.instrument(model, 'plain');
  plain.handle('ping', () => 'pong');
  await waitFor('an answer in the journal', 30_000, async () => {
    await manager.send('plain', 'ping', {}, { timeoutMs: 1_000 }).catch(() => undefined);
    return told.some(({ to, outcome }) => to === 'plain' && outcome === 'answered');
  });
});
