import Fastify from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { describeEvent } from '@bulkhead/platform/events';
import type { RefusedAttempt } from '@bulkhead/platform/bus';
import { journalText, refusedText } from '../../../platform/cli/commands/messages.ts';
import type { FeatureContext } from '../../../platform/sensord/feature.ts';
import { messagesFeature } from '../../../platform/sensord/messages.ts';
import { connectAsInstrument } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';

const model = busModel([
  busInstrument('ids', { accept: ['ruleset.apply'], services: ['journal'] }),
  busInstrument('manager', { send: [{ to: 'ids', command: 'ruleset.apply' }] }),
]);
let bench: BusBench;
beforeAll(async () => {
  bench = await openBusBench('bmf');
  await bench.bus.ensure(model);
});
afterAll(async () => {
  await bench.dispose();
});

test('refusals and messages become events, are told on the API and shown in words that cannot steer a terminal', async () => {
  const published: { type: string; record: Record<string, unknown> }[] = [];
  const feature = messagesFeature({
    rooms: { bus: bench.bus },
    publish: (type: string, record: Record<string, unknown>) => published.push({ type, record }),
  } as unknown as FeatureContext);
  const app = Fastify();
  feature.routes?.(app);
  // What happens before the feature starts is not lost.
  const manager = await bench.instrument(model, 'manager');
  await expect(manager.send('ids', 'ruleset.apply', {})).rejects.toMatchObject({ code: 'BUS_NO_RESPONDER' });
  const raw = await connectAsInstrument(bench, 'manager');
  raw.publish('event.ids.a\u001b[31m\u202e', '{}');
  await waitFor('the refusal', 10_000, () => bench.bus.traffic.refused().length > 0);
  await feature.start();
  await waitFor('both events', 10_000, () => published.length === 2);
  await feature.stop();
  await raw.close();
  const answer = await app.inject('/v1/bus/refused');
  await app.close();
  const { attempts } = answer.json<{ attempts: RefusedAttempt[] }>();
  expect(attempts).toMatchObject([{ instrument: 'manager', operation: 'publish', count: 1 }]);
  const table = refusedText(attempts);
  expect(table).toContain('manager');
  expect(table).not.toMatch(/[\u001b\u202e]/u);

  const time = '2026-03-02T08:00:00.000Z';
  const event = (type: string) => {
    const record = published.find((one) => one.type === type)?.record ?? {};
    return { id: 'x/0', instrument: 'platform', type, time, record };
  };
  expect(describeEvent(event('bus.refused'))).toMatch(
    /manager: publish event\.ids\.a.*refused \(not permitted\)/,
  );
  expect(describeEvent(event('message.sent'))).toContain('manager sent ruleset.apply to ids: unavailable');
  expect(journalText([event('message.sent')])).toMatch(
    /2026-03-02T08:00:00Z {2}manager {2}ids +ruleset\.apply +\d+ ms +unavailable/,
  );
});
