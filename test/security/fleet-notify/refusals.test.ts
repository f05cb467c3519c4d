import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ChannelView } from '@bulkhead/fleet-api';
import { openRunningFleet, type FleetVisitor, type RunningFleet } from '../../support/fleet/running-fleet.ts';
import { channelBody, mailTo, syslogTo, webhookTo } from '../../support/fleet-notify/channel-bodies.ts';
import { openHttpReceiver, type HttpReceiver } from '../../support/fleet-notify/http-receiver.ts';
import { openSmtpReceiver } from '../../support/fleet-notify/smtp-receiver.ts';
import { localhostIdentity } from '../../support/fleet-notify/tls-identity.ts';

/* Notifications as somebody would abuse them: without the right, to get at secrets, to inject, to hold fleetd up. */

const PATH = '/api/v1/notifications/channels';
const PASSWORD = 'the password of somebody';
let fleet: RunningFleet;
let admin: FleetVisitor;
const receivers: HttpReceiver[] = [];

beforeAll(async () => {
  fleet = await openRunningFleet();
  admin = await fleet.setUp();
});
afterEach(async () => {
  for (const one of receivers.splice(0)) await one.close();
});
afterAll(() => fleet.dispose());

async function receiver(): Promise<HttpReceiver & { url: string }> {
  const made = await openHttpReceiver();
  receivers.push(made);
  return Object.assign(made, { url: `http://127.0.0.1:${String(made.port)}/` });
}

async function add(body: object): Promise<ChannelView> {
  const { status, body: view } = await admin.ask('POST', PATH, body);
  expect([status, view]).toEqual([201, view]);
  return view as ChannelView;
}
const tried = async (url: string) => {
  const channel = await add(channelBody(webhookTo(url)));
  const { body } = await admin.ask('POST', `${PATH}/${channel.id}/test`);
  await admin.ask('DELETE', `${PATH}/${channel.id}`);
  return body as { ok: boolean; answer: string; tookMs: number; code?: string };
};

async function signedInAs(name: string, roles: readonly object[]): Promise<FleetVisitor> {
  const { body } = await admin.ask('POST', '/api/v1/people', { name, roles });
  const person = fleet.visitor();
  const password = `${PASSWORD}, ${name}`;
  const accepted = await person.ask('POST', '/api/v1/session/invitation', {
    code: body.invitation.code,
    password,
  });
  expect(accepted.status).toBe(200);
  return person;
}

test('only who manages the settings sees, adds, changes, removes and tries channels; the same for what is kept', async () => {
  const there = await receiver();
  const channel = await add(channelBody(webhookTo(there.url)));
  const asks = [
    ['GET', PATH],
    ['POST', PATH, channelBody(webhookTo(there.url))],
    ['PUT', `${PATH}/${channel.id}`, channelBody(webhookTo(there.url))],
    ['DELETE', `${PATH}/${channel.id}`],
    ['POST', `${PATH}/${channel.id}/test`],
    ['GET', '/api/v1/settings'],
    ['PUT', '/api/v1/settings/events', { retentionDays: 1, storeMib: 64 }],
  ] as const;
  const people: [FleetVisitor, number][] = [
    [fleet.visitor(), 401],
    [await signedInAs('vera', [{ role: 'viewer' }]), 403],
    [await signedInAs('otto', [{ role: 'operator' }]), 403],
    [await signedInAs('nina', [{ role: 'admin', instruments: ['suricata'] }]), 403],
  ];
  for (const [person, expected] of people) {
    for (const [method, path, body] of asks) {
      expect([method, path, (await person.ask(method, path, body)).status]).toEqual([method, path, expected]);
    }
  }
  expect(there.posts).toEqual([]);
  const { body: list } = await admin.ask('GET', PATH);
  expect(list.channels.map(({ id }: ChannelView) => id)).toEqual([channel.id]);
  expect((await admin.ask('GET', '/api/v1/settings')).body.events.retentionDays).toMatchObject({
    from: 'file',
  });
  await admin.ask('DELETE', `${PATH}/${channel.id}`);
});

test('nothing that is typed in can end a header, begin a command or become a path', async () => {
  const inject = 'x@example.org\r\nRCPT TO:<all@example.org>';
  const bad: object[] = [
    mailTo(25, { recipients: [inject] }),
    mailTo(25, { from: inject }),
    mailTo(25, { recipients: ['Anna <anna@example.org>'] }),
    mailTo(25, { host: 'mail.example.org\r\nQUIT' }),
    mailTo(25, { tls: 'starttls', user: 'a\nb', password: 'x' }),
    mailTo(25, { recipients: Array.from({ length: 21 }, (_, n) => `a${String(n)}@example.org`) }),
    // A password in the clear over a network.
    mailTo(25, { host: 'mail.example.org', user: 'a', password: 'x' }),
    webhookTo('file:///etc/passwd'),
    webhookTo('unix:///run/bulkhead/ui/rule-manager.sock'),
    webhookTo('javascript:alert(1)'),
    webhookTo('https://user:password@example.org/'),
    webhookTo('https://example.org/', { secret: 'too short' }),
    webhookTo('http://169.254.169.254/latest/meta-data/'),
    webhookTo('http://[fe80::1]/'),
    webhookTo('http://0xa9fea9fe/'),
    syslogTo(514, 'udp', { host: '/dev/log' }),
    syslogTo(514, 'udp', { host: '169.254.169.254' }),
    syslogTo(0, 'udp'),
    { ...syslogTo(514, 'tcp'), path: '/dev/log' },
    { kind: 'exec', command: '/bin/sh' },
  ];
  for (const target of bad) {
    const { status, body } = await admin.ask('POST', PATH, channelBody(target as never));
    expect([target, status, String(body.code).slice(0, 6)]).toEqual([target, 400, 'FLEET_']);
  }
  for (const label of ['two\r\nlines', 'turned\u202Earound', '']) {
    const { status } = await admin.ask(
      'POST',
      PATH,
      channelBody(webhookTo('https://example.org/'), { label }),
    );
    expect([label, status]).toEqual([label, 400]);
  }
  expect((await admin.ask('GET', PATH)).body.channels).toEqual([]);
});

test('a name is no way to a link-local address', async () => {
  // getaddrinfo reads it as 169.254.169.254.
  const channel = await add(channelBody(syslogTo(9, 'tcp', { host: '2852039166' })));
  const { body } = await admin.ask('POST', `${PATH}/${channel.id}/test`);
  expect(body).toMatchObject({ ok: false, answer: '2852039166 has no address that may be used' });
  await admin.ask('DELETE', `${PATH}/${channel.id}`);
});

test('a redirect is not followed; an answer is bounded in time and size, and shown as one line without secrets', async () => {
  const [there, elsewhere] = [await receiver(), await receiver()];
  there.answer = (response) => response.writeHead(307, { location: elsewhere.url }).end();
  expect(await tried(there.url)).toMatchObject({
    ok: false,
    answer: expect.stringContaining('not followed') as string,
  });
  expect(elsewhere.posts).toEqual([]);
  there.answer = (response) => {
    response.writeHead(500);
    const more = (): void => {
      while (response.write(`<script>\r\n\u001b[2J${'x'.repeat(65_536)}`) && !response.destroyed);
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };
  const endless = await tried(`${there.url}hooks/KEY-OF-A-SERVICE`);
  expect(endless.answer).toMatch(/^HTTP 500: <script> \[2Jx+…$/);
  expect(endless.answer.length).toBeLessThan(400);
  there.answer = (response) => response.writeHead(400).end('no hook at hooks/KEY-OF-A-SERVICE');
  expect((await tried(`${there.url}hooks/KEY-OF-A-SERVICE`)).answer).toBe('HTTP 400: no hook at …');
});

test('who does not answer holds up nobody: the test ends, and fleetd answers meanwhile', async () => {
  const there = await receiver();
  there.answer = () => undefined;
  const trying = tried(there.url);
  await expect.poll(() => there.posts.length, { timeout: 20_000 }).toBe(1);
  expect((await admin.ask('GET', PATH)).status).toBe(200);
  expect(await trying).toMatchObject({ ok: false, answer: 'It did not answer in time.' });
});

test('a password that is kept is not sent to another server, and not shown by one that repeats it', async () => {
  const identity = await localhostIdentity();
  const right = { user: 'fleet', password: PASSWORD };
  const server = await openSmtpReceiver({
    tls: identity,
    mode: 'implicit',
    login: { user: 'fleet', password: 'x' },
  });
  const thief = await openSmtpReceiver({ tls: identity, mode: 'implicit', login: right });
  try {
    const target = mailTo(server.port, { tls: 'implicit', ca: identity.ca, ...right });
    const channel = await add(channelBody(target));
    const { password: _typed, ...kept } = target;
    const moves: object[] = [
      { port: thief.port },
      { host: '127.0.0.1' },
      { tls: 'starttls' },
      { user: 'other' },
      { ca: `${identity.ca}${identity.ca}` },
    ];
    for (const move of moves) {
      const body = channelBody({ ...kept, ...move });
      const { status, body: reply } = await admin.ask('PUT', `${PATH}/${channel.id}`, body);
      expect([move, status, reply.code]).toEqual([move, 400, 'FLEET_NOTIFY_SECRET_NEEDED']);
    }
    const tame = await admin.ask(
      'PUT',
      `${PATH}/${channel.id}`,
      channelBody({ ...kept, recipients: ['a@example.org'] }),
    );
    expect(tame.status).toBe(200);
    const { body } = await admin.ask('POST', `${PATH}/${channel.id}/test`);
    expect(body).toMatchObject({ ok: false, answer: expect.stringContaining('fleet … is wrong') as string });
    expect(thief.connections).toBe(0);
    const everything = await Promise.all(
      [PATH, '/api/v1/audit?limit=500', '/api/v1/attention'].map((path) => admin.ask('GET', path)),
    );
    expect(JSON.stringify(everything)).not.toContain(PASSWORD);
    await admin.ask('DELETE', `${PATH}/${channel.id}`);
  } finally {
    await server.close();
    await thief.close();
  }
});

test('a webhook that points at the hub of the sensors learns and changes nothing there', async () => {
  const config = await readFile(`${fleet.dir}/state/nats/hub.conf`, 'utf8');
  const [, port = '0'] = /(?:^|\n)\s*(?:port|listen)\s*[:=]?\s*"?(?:127\.0\.0\.1:)?(\d+)/.exec(config) ?? [];
  // It is there: the port takes connections.
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
  const { ok, answer } = await tried(`http://127.0.0.1:${port}/`);
  expect([ok, answer.includes('server_id')]).toEqual([false, false]);
  expect((await admin.ask('GET', '/api/v1/events/status')).status).toBe(200);
});
