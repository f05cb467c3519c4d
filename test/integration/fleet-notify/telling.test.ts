import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AttentionItem, ChannelChange, ChannelView } from '@bulkhead/fleet-api';
import { channelBody, mailTo, webhookTo } from '../../support/fleet-notify/channel-bodies.ts';
import { openHttpReceiver, type HttpReceiver } from '../../support/fleet-notify/http-receiver.ts';
import { BENCH_SENSOR, openNotifyBench, type NotifyBench } from '../../support/fleet-notify/notify-bench.ts';
import { mailBody, mailHeader, openSmtpReceiver } from '../../support/fleet-notify/smtp-receiver.ts';
import type { Notice } from '../../../fleet-ui/server/notify/notice.ts';

/* What is told, when, and what survives; with a receiver at the other end. Time is set forward, never waited for. */

const PATH = '/api/v1/notifications/channels';
const SOON = { timeout: 20_000, interval: 100 };
const MINUTE = 60_000;
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

const blind = (monitor: string): AttentionItem => ({
  ...{ id: `blind:${BENCH_SENSOR}:${monitor}`, severity: 'critical', sensor: BENCH_SENSOR },
  ...{ title: `ward-3 does not see on ${monitor}`, text: 'What passes there is not watched now.' },
});
const full: AttentionItem = { id: 'disk:x', severity: 'warning', title: 'full', text: 'full' };
const alert = (id: number, severity: 'high' | 'low' = 'high') => ({
  severity,
  record: {
    alert: { signature: `rule ${String(id)}`, signature_id: id },
    src_ip: '192.0.2.1',
    dest_ip: '192.0.2.2',
  },
});
const notices = () => server.posts.map(({ body }) => JSON.parse(body) as Notice);
const told = () =>
  notices().map(({ began, over, alerts }) => ({
    began: began.map(({ key }) => key),
    over: over.map(({ key }) => key),
    alerts: alerts.map(({ signature, count }) => `${String(count)} ${signature}`),
  }));

async function add(more: Partial<ChannelChange> = {}): Promise<ChannelView> {
  const url = `http://127.0.0.1:${String(server.port)}/`;
  const { status, body } = await bench.ask('POST', PATH, channelBody(webhookTo(url), more));
  expect([status, body]).toEqual([201, body]);
  return body as ChannelView;
}

/** Waits until so many messages are known as sent: what is under way when time is set forward would count as sent later. */
async function sent(messages: number): Promise<void> {
  const known = async () => (await bench.channels()).reduce((sum, { health }) => sum + health.sent, 0);
  await expect.poll(known, SOON).toBe(messages);
}

/** Lets the room look at what stands now, more than once. */
async function looked(): Promise<void> {
  for (let n = 0; n < 2; n += 1) {
    const before = bench.looks;
    bench.shiftMs += 6_000;
    await expect.poll(() => bench.looks, SOON).toBeGreaterThan(before);
  }
}

test('what begins is told once, what is over is told once; each channel hears what it asked for', async () => {
  const other = await openHttpReceiver();
  try {
    await add();
    await bench.ask(
      'POST',
      PATH,
      channelBody(webhookTo(`http://127.0.0.1:${String(other.port)}/`), {
        tells: { alerts: null, topics: ['disk'] },
      }),
    );
    bench.attention = [blind('mon'), full];
    await looked();
    await expect.poll(told, SOON).toEqual([{ began: [blind('mon').id, full.id], over: [], alerts: [] }]);
    await sent(2);
    bench.arrives(alert(1));
    bench.attention = [full];
    bench.shiftMs += 3 * MINUTE;
    await looked();
    bench.shiftMs += 2 * MINUTE;
    await expect.poll(() => told().flatMap(({ over }) => over), SOON).toEqual([blind('mon').id]);
    expect(told().flatMap(({ alerts }) => alerts)).toEqual(['1 rule 1']);
    expect(told().flatMap(({ began }) => began)).toEqual([blind('mon').id, full.id]);
    const [only, ...more] = other.posts.map(({ body }) => JSON.parse(body) as Notice);
    expect([only?.began.map(({ topic }) => topic), more]).toEqual([['disk'], []]);
  } finally {
    await other.close();
  }
});

test('what becomes worse is told once more, also over a restart; that it is better again is not', async () => {
  const worst: AttentionItem = { ...full, severity: 'critical', title: 'very full' };
  const heard = () =>
    notices().map(({ subject, counts, began, worse, over }) => ({
      ...{ subject: subject.replace('[Bulkhead fleet.test] ', ''), counts: [counts.began, counts.worse] },
      matters: [...began, ...worse, ...over].map(({ severity, was }) => [severity, was]),
    }));
  await add();
  bench.attention = [full];
  await looked();
  const first = { subject: '1 new: full', counts: [1, 0], matters: [['warning', undefined]] };
  await expect.poll(heard, SOON).toEqual([first]);
  await sent(1);
  bench.attention = [worst];
  bench.shiftMs += 2 * MINUTE;
  await looked();
  const second = { subject: '1 worse: very full', counts: [0, 1], matters: [['critical', 'warning']] };
  await expect.poll(heard, SOON).toEqual([first, second]);
  await sent(2);
  await bench.restart('ended');
  for (const now of [full, worst, full]) {
    bench.attention = [now];
    bench.shiftMs += 3 * MINUTE;
    await looked();
  }
  bench.attention = [];
  bench.shiftMs += 3 * MINUTE;
  await looked();
  bench.shiftMs += 3 * MINUTE;
  await looked();
  // Everything that was told, in order: had one of the changes in between been told, it would stand before this.
  const third = { subject: '1 over: very full', counts: [0, 0], matters: [['critical', undefined]] };
  await expect.poll(heard, SOON).toEqual([first, second, third]);
});

test('a flood of alerts is a few messages with counts; a severity that was not asked for is none', async () => {
  await add({ groupS: 60 });
  for (let n = 0; n < 1_200; n += 1) bench.arrives(alert(n % 3));
  bench.arrives(alert(9, 'low'));
  bench.arrives({ ...alert(10), suppressed: 'somebody suppressed it' });
  expect(bench.arrives({ type: 'dns' })).toBe(false);
  bench.shiftMs += 6_000;
  await expect
    .poll(told, SOON)
    .toEqual([{ began: [], over: [], alerts: ['400 rule 0', '400 rule 1', '400 rule 2'] }]);
  await sent(1);
  // More than is read in a second: counted, and not looked at.
  let unread = 0;
  for (let n = 0; n < 40; n += 1) if (!bench.arrives(alert(1), 300_000)) unread += 1;
  expect(unread).toBeGreaterThan(0);
  // Not at the expense of who is quiet.
  expect(bench.arrives({ ...alert(4), sensor: 's_bbbbbbbbbbbbbbbb' })).toBe(true);
  bench.shiftMs += 2 * MINUTE;
  await expect.poll(() => notices().length, SOON).toBe(2);
  expect(notices()[1]?.counts.leftOut).toBe(unread * 100_000);
});

test.each(['killed', 'ended'] as const)(
  'a fleetd that is %s and started again repeats nothing and forgets nothing',
  async (how) => {
    const channel = await add();
    bench.attention = [blind('mon')];
    await looked();
    await expect.poll(() => notices().length, SOON).toBe(1);
    await sent(1);
    // Not told yet: nobody takes it.
    server.answer = (response) => response.writeHead(503).end('later');
    bench.attention = [blind('mon'), blind('span')];
    bench.shiftMs += 2 * MINUTE;
    await looked();
    await expect
      .poll(async () => (await bench.channels())[0]?.health, SOON)
      .toMatchObject({ waiting: 1, failures: 1 });
    await bench.restart(how);
    server.posts.length = 0;
    server.answer = (response) => response.writeHead(200).end();
    bench.shiftMs += 10 * MINUTE;
    await looked();
    await expect.poll(told, SOON).toEqual([{ began: [blind('span').id], over: [], alerts: [] }]);
    await sent(2);
    expect((await bench.channels())[0]).toMatchObject({
      id: channel.id,
      health: { failures: 0, waiting: 0, sent: 2 },
    });
  },
);

test('a channel that fails says so, is tried again, and tells it all when it works', async () => {
  const channel = await add({ label: 'tickets' });
  server.answer = (response) => response.writeHead(500).end('full\r\nof\u0007it');
  bench.attention = [blind('mon')];
  await looked();
  await expect
    .poll(() => bench.feature.attention?.(), SOON)
    .toMatchObject([
      {
        id: `notify:${channel.id}`,
        severity: 'warning',
        title: 'Notifications by “tickets” do not get through',
        text: expect.stringContaining('HTTP 500: full of it') as string,
      },
    ]);
  bench.arrives(alert(1));
  const [shown] = await bench.channels();
  expect(shown?.health).toMatchObject({ failures: 1, waiting: 2, lastError: 'HTTP 500: full of it' });
  server.answer = (response) => response.writeHead(200).end('thanks');
  server.posts.length = 0;
  bench.shiftMs += 5 * MINUTE;
  await expect.poll(told, SOON).toEqual([{ began: [blind('mon').id], over: [], alerts: ['1 rule 1'] }]);
  await expect.poll(() => bench.feature.attention?.(), SOON).toEqual([]);
});

test('a mail holds what began in words; who is refused is shown, the others get it', async () => {
  const mails = await openSmtpReceiver();
  try {
    mails.refused.add('ben@example.org');
    await bench.ask('POST', PATH, channelBody(mailTo(mails.port)));
    bench.attention = [blind('mon')];
    await looked();
    await expect.poll(() => mails.mails.length, SOON).toBe(1);
    const [mail] = mails.mails;
    expect(mail?.to).toEqual(['anna@example.org']);
    expect(mailHeader(mail!, 'subject')).toBe('[Bulkhead fleet.test] 1 new: ward-3 does not see on mon');
    expect(mailHeader(mail!, 'content-type')).toMatch(/^text\/plain/);
    expect(mailBody(mail!)).toContain(
      'critical: ward-3 does not see on mon\n  What passes there is not watched now.',
    );
    await expect
      .poll(async () => (await bench.channels())[0]?.health.lastAnswer, SOON)
      .toBe('250 2.0.0 kept as 4711; refused: ben@example.org');
  } finally {
    await mails.close();
  }
});

test('a channel that is switched off hears nothing and forgets what waited', async () => {
  const channel = await add();
  const url = `http://127.0.0.1:${String(server.port)}/on`;
  await bench.ask('POST', PATH, channelBody(webhookTo(url)));
  bench.arrives(alert(1));
  const body = channelBody({ kind: 'webhook' }, { enabled: false });
  expect((await bench.ask('PUT', `${PATH}/${channel.id}`, body)).body.health).toMatchObject({ waiting: 0 });
  bench.arrives(alert(2));
  bench.attention = [blind('mon')];
  await looked();
  bench.shiftMs += 10 * MINUTE;
  await looked();
  // The one that is on heard it all: there was time enough.
  const heard = () => told().flatMap(({ began, alerts }) => [...began, ...alerts]);
  await expect.poll(heard, SOON).toEqual(expect.arrayContaining([blind('mon').id, '1 rule 2']));
  expect(server.posts.filter(({ path }) => path !== '/on')).toEqual([]);
});
