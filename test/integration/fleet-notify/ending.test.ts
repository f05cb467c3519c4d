import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Notice } from '../../../fleet-ui/server/notify/notice.ts';
import { channelBody, webhookTo } from '../../support/fleet-notify/channel-bodies.ts';
import { openHttpReceiver, type HttpReceiver } from '../../support/fleet-notify/http-receiver.ts';
import { openNotifyBench, type NotifyBench } from '../../support/fleet-notify/notify-bench.ts';

let bench: NotifyBench;
let server: HttpReceiver;

beforeEach(async () => {
  bench = await openNotifyBench();
  server = await openHttpReceiver();
});
afterEach(async () => {
  await bench.dispose();
  await server.close();
});

const arrives = (id: number) =>
  bench.arrives({ record: { alert: { signature: `rule ${String(id)}`, signature_id: id } } });
const told = () =>
  server.posts.flatMap(({ body }) =>
    (JSON.parse(body) as Notice).alerts.map(({ signature, count }) => `${String(count)} ${signature}`),
  );

test('an alert that is stored while fleetd ends, or before everything has started, is told after the start', async () => {
  const url = `http://127.0.0.1:${String(server.port)}/`;
  const { status } = await bench.ask('POST', '/api/v1/notifications/channels', channelBody(webhookTo(url)));
  expect(status).toBe(201);
  await bench.restart('ended', {
    // Taking events in ends after this room, and begins before it.
    ending: async () => {
      expect([arrives(1), arrives(1)]).toEqual([true, true]);
    },
    starting: async () => {
      expect(arrives(2)).toBe(true);
    },
  });
  bench.shiftMs += 6_000;
  await expect.poll(told, { timeout: 20_000, interval: 100 }).toEqual(['2 rule 1', '1 rule 2']);
});
