import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ChannelTestReply, ChannelView } from '@bulkhead/fleet-api';
import { openRunningFleet, type FleetVisitor, type RunningFleet } from '../../support/fleet/running-fleet.ts';
import { channelBody, mailTo, syslogTo, webhookTo } from '../../support/fleet-notify/channel-bodies.ts';
import { openHttpReceiver } from '../../support/fleet-notify/http-receiver.ts';
import { mailBody, mailHeader, openSmtpReceiver } from '../../support/fleet-notify/smtp-receiver.ts';
import { openStreamReceiver, openUdpReceiver } from '../../support/fleet-notify/syslog-receiver.ts';
import { localhostIdentity } from '../../support/fleet-notify/tls-identity.ts';
import { signatureOf } from '../../../fleet-ui/server/notify/deliver/webhook.ts';

/* Channels as an administrator sets them up, with a real receiver at the other end of each. */

const PATH = '/api/v1/notifications/channels';
const SOON = { timeout: 20_000 };
let fleet: RunningFleet;
let admin: FleetVisitor;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  fleet = await openRunningFleet();
  admin = await fleet.setUp();
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
afterAll(() => fleet.dispose());

function kept<T extends { close(): Promise<void> }>(receiver: T): T {
  open.push(receiver);
  return receiver;
}

async function add(body: object): Promise<ChannelView> {
  const { status, body: view } = await admin.ask('POST', PATH, body);
  expect([status, view]).toEqual([201, view]);
  return view as ChannelView;
}

async function tried(channel: ChannelView): Promise<ChannelTestReply> {
  const { status, body } = await admin.ask('POST', `${PATH}/${channel.id}/test`);
  expect([status, body]).toEqual([200, body]);
  await admin.ask('DELETE', `${PATH}/${channel.id}`);
  return body as ChannelTestReply;
}

test('a mail goes to every recipient, and the button says what the server answered', async () => {
  const server = kept(await openSmtpReceiver());
  const channel = await add(channelBody(mailTo(server.port)));
  expect(await tried(channel)).toMatchObject({ ok: true, answer: '250 2.0.0 kept as 4711' });
  const [mail] = server.mails;
  expect(mail).toMatchObject({ from: 'bulkhead@example.org', to: ['anna@example.org', 'ben@example.org'] });
  expect(mailHeader(mail!, 'subject')).toBe('[Bulkhead localhost] Test of a notification, by anna');
  expect(mailBody(mail!)).toContain('This is a test.');
});

test.each(['implicit', 'starttls'] as const)(
  'a mail over %s signs in, and only with a right certificate',
  async (tls) => {
    const identity = await localhostIdentity();
    const login = { user: 'fleet', password: 'a password of the mail server' };
    const server = kept(await openSmtpReceiver({ tls: identity, mode: tls, login }));
    const target = mailTo(server.port, { tls, user: login.user, password: login.password });
    expect(await tried(await add(channelBody(target)))).toMatchObject({
      ok: false,
      answer: expect.stringMatching(/certificate/) as string,
    });
    expect(server.mails).toEqual([]);
    const trusted = await add(channelBody({ ...target, ca: identity.ca }));
    expect(await tried(trusted)).toMatchObject({ ok: true });
    expect(server.mails).toMatchObject([{ user: 'fleet', encrypted: true }]);
  },
);

test('STARTTLS that a server does not offer is no reason to go on in the clear', async () => {
  const server = kept(await openSmtpReceiver());
  const channel = await add(channelBody(mailTo(server.port, { tls: 'starttls' })));
  expect(await tried(channel)).toMatchObject({ ok: false });
  expect(server.mails).toEqual([]);
});

test('a webhook is signed, over HTTP and HTTPS; what it answers is shown', async () => {
  const identity = await localhostIdentity();
  const secret = 'a secret of sixteen and more';
  for (const tls of [undefined, identity]) {
    const server = kept(await openHttpReceiver(tls));
    server.answer = (response) => response.writeHead(202).end('thanks');
    const url = `${tls === undefined ? 'http' : 'https'}://localhost:${String(server.port)}/in/tray?key=abc`;
    const ca = tls === undefined ? {} : { ca: tls.ca };
    expect(await tried(await add(channelBody(webhookTo(url, { secret, ...ca }))))).toMatchObject({
      ok: true,
      answer: 'HTTP 202: thanks',
    });
    const [post] = server.posts;
    expect(post).toMatchObject({ method: 'POST', path: '/in/tray?key=abc' });
    const { headers, body } = post!;
    expect(JSON.parse(body)).toMatchObject({ version: 1, kind: 'test', fleet: 'localhost' });
    const stamp = String(headers['x-bulkhead-timestamp']);
    expect(headers['x-bulkhead-signature']).toBe(signatureOf(secret, stamp, body));
    expect(Math.abs(Date.now() / 1000 - Number(stamp))).toBeLessThan(60);
  }
});

test('syslog arrives over UDP, TCP and TLS, each as one message of RFC 5424', async () => {
  const identity = await localhostIdentity();
  const ways = [
    ['udp', kept(await openUdpReceiver()), undefined],
    ['tcp', kept(await openStreamReceiver()), undefined],
    ['tls', kept(await openStreamReceiver(identity)), identity.ca],
  ] as const;
  for (const [transport, server, ca] of ways) {
    const target = syslogTo(server.port, transport, ca === undefined ? {} : { ca });
    const channel = await add(
      channelBody({ ...target, host: transport === 'udp' ? '127.0.0.1' : 'localhost' }),
    );
    expect([transport, await tried(channel)]).toMatchObject([transport, { ok: true }]);
    await expect.poll(() => server.lines.length, SOON).toBe(1);
    expect(server.lines[0]).toMatch(
      /^<134>1 \d{4}-\d\d-\d\dT[\d:.]+Z \S+ bulkhead-fleet \d+ test \[bulkhead@32473 fleet="localhost" id="n_[a-z2-7]{16}" [^\]]*\] \uFEFFThis is a test\./,
    );
    expect(server.rest).toBe('');
  }
});

test('nobody listens: the button says so, and the page shows it', async () => {
  const server = await openHttpReceiver();
  await server.close();
  const channel = await add(channelBody(webhookTo(`http://127.0.0.1:${String(server.port)}/`)));
  const { body } = await admin.ask('POST', `${PATH}/${channel.id}/test`);
  expect(body).toMatchObject({ ok: false, answer: expect.stringMatching(/ECONNREFUSED/) as string });
  const { body: list } = await admin.ask('GET', PATH);
  expect(list.channels).toMatchObject([{ id: channel.id, health: { lastError: body.answer, failures: 0 } }]);
  await admin.ask('DELETE', `${PATH}/${channel.id}`);
});

test('a channel survives a restart with its secret, which stands nowhere in the clear', async () => {
  const server = kept(await openHttpReceiver());
  const secret = 'never to be seen again, this one';
  const url = `http://127.0.0.1:${String(server.port)}/hooks/T0KEN-OF-THE-SERVICE`;
  const channel = await add(channelBody(webhookTo(url, { secret })));
  expect(channel.target).toEqual({
    kind: 'webhook',
    origin: `http://127.0.0.1:${String(server.port)}`,
    hasSecret: true,
  });
  await fleet.restart();
  const { body: list } = await admin.ask('GET', PATH);
  const { body: audit } = await admin.ask('GET', '/api/v1/audit?limit=500');
  const files = ['fleet.db', 'fleet.db-wal'].map((name) =>
    readFile(join(fleet.dir, 'state', name), 'latin1').catch(() => ''),
  );
  for (const text of [JSON.stringify(list), JSON.stringify(audit), ...(await Promise.all(files))]) {
    expect(text.includes('T0KEN-OF') || text.includes('never to be seen')).toBe(false);
  }
  expect(JSON.stringify(audit)).toContain('notifications.add');
  // Changed without typing anything secret in again.
  const kind = 'webhook' as const;
  const changed = await admin.ask(
    'PUT',
    `${PATH}/${channel.id}`,
    channelBody({ kind }, { label: 'renamed' }),
  );
  expect([changed.status, changed.body.label]).toEqual([200, 'renamed']);
  expect(await tried(channel)).toMatchObject({ ok: true });
  expect(server.posts[0]).toMatchObject({ path: '/hooks/T0KEN-OF-THE-SERVICE' });
  expect(server.posts[0]?.headers['x-bulkhead-signature']).toMatch(/^sha256=[0-9a-f]{64}$/);
});
