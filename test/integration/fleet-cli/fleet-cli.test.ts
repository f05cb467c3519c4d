import { mkdtemp, readFile, rm, stat, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { parseJoinToken } from '@bulkhead/platform/contracts';
import { main } from '../../../platform/cli/main.ts';
import { openTestSensor, type TestSensor } from '../../support/fleet-link/test-sensor.ts';
import { openRunningFleet, type FleetVisitor, type RunningFleet } from '../../support/fleet/running-fleet.ts';

/** On a machine that is busy, too. */
const SOON = { timeout: 20_000 };
const RIGHTS = [
  ...['sensors.read', 'events.read', 'sensors.operate', 'sensors.configure', 'sensors.adopt', 'audit.read'],
];
let dir: string;
let fleet: RunningFleet;
let admin: FleetVisitor;
let sensor: TestSensor;
/** Of a token that may operate, and its id. */
let secret: string;
let tokenId: string;
let fingerprint: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-fleet-cli-'));
  vi.stubEnv('XDG_CONFIG_HOME', join(dir, 'config'));
  fleet = await openRunningFleet();
  admin = await fleet.setUp();
  sensor = await openTestSensor();
  const made = await admin.ask('POST', '/api/v1/tokens', {
    label: 'shell',
    rights: RIGHTS,
    expiresInDays: 1,
  });
  [secret, tokenId] = [made.body.secret, made.body.token.id];
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await sensor.dispose();
  await fleet.dispose();
  await rm(dir, { recursive: true, force: true });
});

async function bulkhead(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name === 'stdout' ? 'out' : 'err'] += String(text);
      return true;
    }),
  );
  const code = await main(args);
  for (const spy of spies) spy.mockRestore();
  // Whatever is asked: the token is in nothing that is printed.
  expect(written.out + written.err).not.toContain(secret);
  return { code, ...written };
}

/** The answer of a command as programs read it. */
async function json(...args: string[]) {
  const { code, out } = await bulkhead('--json', 'fleet', ...args);
  return { code, body: JSON.parse(out) };
}

// One step builds on the one before.
test('without a login nothing is asked; what answers must prove to be the fleet; the token comes in unseen', async () => {
  const url = `https://${fleet.host()}`;
  expect(await bulkhead('fleet', 'sensors')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^CLI_FLEET_LOGIN_NEEDED: [^]*bulkhead fleet login/),
  });
  const file = join(dir, 'token');
  await writeFile(file, `${secret}\n`, { mode: 0o644 });
  await chmod(file, 0o644);
  expect(await bulkhead('fleet', 'login', url, '--token-file', file)).toMatchObject({
    code: 2,
    err: expect.stringContaining('Others on this machine can read'),
  });
  await chmod(file, 0o600);
  // Its authority is its own: this machine does not know it.
  expect(await bulkhead('fleet', 'login', url, '--token-file', file)).toMatchObject({
    code: 1,
    err: expect.stringContaining('CLI_FLEET_UNTRUSTED'),
  });
  const wrong = Buffer.alloc(32, 7).toString('base64url');
  expect(await bulkhead('fleet', 'login', url, '--fingerprint', wrong, '--token-file', file)).toMatchObject({
    code: 1,
    err: expect.stringContaining('another fingerprint'),
  });
  expect(await bulkhead('fleet', 'login', 'http://192.0.2.1:8443', '--token-file', file)).toMatchObject({
    code: 2,
  });
  expect(
    await bulkhead(
      'fleet',
      'login',
      'https://localhost:1',
      '--ca',
      join(fleet.dir, 'state/ca/ca.pem'),
      '--token-file',
      file,
    ),
  ).toMatchObject({
    code: 3,
    err: expect.stringContaining('CLI_FLEET_UNREACHABLE'),
  });

  const adoption = await admin.ask('POST', '/api/v1/adoption-codes', { name: 'ward-3' });
  fingerprint = parseJoinToken(adoption.body.joinToken)?.fingerprint ?? '';
  // From standard input, where no list of processes shows it.
  const typed = (text: string) =>
    vi
      .spyOn(process, 'stdin', 'get')
      .mockReturnValue(Readable.from([Buffer.from(text)]) as unknown as typeof process.stdin);
  typed(`bh_${'a'.repeat(40)}\n`);
  expect(await bulkhead('fleet', 'login', url, '--fingerprint', fingerprint)).toMatchObject({
    code: 1,
    err: expect.stringContaining('CLI_FLEET_LOGIN_REFUSED'),
  });
  typed(`${secret}\n`);
  expect(await bulkhead('fleet', 'login', url, '--fingerprint', fingerprint)).toMatchObject({
    code: 0,
    out: expect.stringContaining(`logged in to ${url} as anna`),
  });
  const kept = join(dir, 'config/bulkhead/fleet.json');
  expect((await stat(kept)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(kept, 'utf8'))).toMatchObject({
    url,
    token: secret,
    ca: expect.any(String),
  });
  await chmod(kept, 0o640);
  expect(await bulkhead('fleet', 'sensors')).toMatchObject({
    code: 1,
    err: expect.stringContaining('CLI_FLEET_LOGIN_UNSAFE'),
  });
  await chmod(kept, 0o600);
});

test('a sensor is adopted, seen, asked, grouped and configured from a terminal', async () => {
  expect(await bulkhead('fleet', 'sensors')).toMatchObject({
    code: 0,
    out: expect.stringContaining('no sensors'),
  });
  const codes = (await json('codes')).body.codes as { id: string; name: string }[];
  const revoked = await bulkhead('fleet', 'codes', 'revoke', codes[0]?.id ?? '');
  expect([codes.map(({ name }) => name), revoked.code]).toEqual([['ward-3'], 0]);

  expect((await bulkhead('fleet', 'groups', 'create', 'Wards', '--description', 'all beds')).code).toBe(0);
  expect(await bulkhead('fleet', 'adopt', '--group', 'Ward')).toMatchObject({
    code: 4,
    err: expect.stringContaining('CLI_FLEET_GROUP_UNKNOWN'),
  });
  expect((await bulkhead('fleet', 'adopt', '--expires', '0')).code).toBe(2);
  const shown = await bulkhead('fleet', 'adopt', '--name', 'ward-3', '--group', 'Wards', '--expires', '5');
  const [, token = ''] = /^join token +(\S+)$/m.exec(shown.out) ?? [];
  expect(shown.out).toContain(`bulkhead fleet join`);
  await sensor.link.join({ token });
  await sensor.up();
  await expect
    .poll(async () => (await bulkhead('fleet', 'sensors', 'list', '--group', 'Wards')).out, SOON)
    .toMatch(/^ward-3 +online +0\.1\.0 +Wards /m);
  expect(await bulkhead('fleet', 'sensors', 'show', 'ward-4')).toMatchObject({
    code: 4,
    err: expect.stringMatching(/CLI_FLEET_SENSOR_UNKNOWN[^]*You see: ward-3/),
  });
  const one = await bulkhead('fleet', 'sensors', 'show', 'ward-3');
  expect(one.out).toMatch(/^ward-3\n {2}state +online since /);
  expect(one.out).toMatch(/machine +box/);

  // The sensor's own API, through the fleet, as the person of the token.
  sensor.answer = ({ path }) => [
    Buffer.from(JSON.stringify(path.includes('/log') ? { lines: ['up', '\u001b[2Jred'] } : { path })),
  ];
  expect(await bulkhead('fleet', 'logs', 'ward-3', 'suricata', '--lines', '2')).toEqual({
    code: 0,
    out: 'up\n [2Jred\n',
    err: '',
  });
  expect((await bulkhead('fleet', 'restart', 'ward-3', 'suricata')).code).toBe(0);
  expect(sensor.asked.at(-1)).toMatchObject({ method: 'POST', path: '/v1/instruments/suricata/restart' });
  expect((await bulkhead('fleet', 'restart', 'ward-3', '../x')).code).toBe(2);
  expect((await bulkhead('fleet', 'grants', 'give', 'ward-3', 'suricata')).code).toBe(2);
  expect(
    (await json('grants', 'give', 'ward-3', 'suricata', 'publish:alert', '--reason', 'needed')).code,
  ).toBe(0);
  const given = sensor.asked.at(-1);
  expect(given?.path).toBe('/v1/grants/give');
  expect(JSON.parse(String(given?.body))).toMatchObject({
    instrument: 'suricata',
    rights: ['publish:alert'],
    reason: 'needed',
  });

  const file = join(dir, 'ward-3.yaml');
  const before = await bulkhead('fleet', 'config', 'get', 'ward-3');
  expect(before.out).toContain('name: lab');
  await writeFile(file, `${before.out}detectionCheck: { intervalS: 60, timeoutS: 20 }\n`);
  const preview = await bulkhead('fleet', 'config', 'set', 'ward-3', file, '--dry-run');
  expect(preview).toMatchObject({
    code: 0,
    out: expect.stringMatching(/\/detectionCheck[^]*Nothing was changed/),
  });
  expect((await bulkhead('fleet', 'config', 'set', 'ward-3', file, '--reason', 'slower')).code).toBe(0);
  await expect
    .poll(async () => (await bulkhead('fleet', 'config', 'history', 'ward-3')).out, SOON)
    .toMatch(/^1 .*anna.* applied +slower/m);
  await writeFile(file, `${before.out}detectionCheck: { intervalS: 90, timeoutS: 20 }\n`);
  const late = await bulkhead('fleet', 'config', 'set', 'ward-3', file, '--expect-revision', '7');
  expect(late).toMatchObject({ code: 1, err: expect.stringMatching(/^FLEET_/) });
  expect((await bulkhead('fleet', 'config', 'set', 'ward-3', file, '--expect-revision', '1')).code).toBe(0);
  expect((await bulkhead('fleet', 'config', 'diff', 'ward-3')).out).toBe(
    '/detectionCheck/intervalS\n  - 60\n  + 90\n',
  );
  expect((await bulkhead('fleet', 'config', 'rollback', 'ward-3', '1')).code).toBe(0);
  await expect.poll(() => sensor.applied.at(-1)?.document, SOON).toContain('intervalS: 60');
  expect((await bulkhead('fleet', 'config', 'get', 'ward-3', '--revision', '9')).code).toBe(4);
  await writeFile(file, 'version: 1\nsensor: { name: lab }\nnonsense: true\n');
  expect(await bulkhead('fleet', 'config', 'set', 'ward-3', file, '--dry-run')).toMatchObject({
    code: 1,
    err: expect.stringContaining('nonsense'),
  });
});

test('events, what needs attention, tokens, the audit log; a token does no more than it may', async () => {
  expect(await bulkhead('fleet', 'events', '--type', 'alert', '--since', '2026-01-01T00:00:00Z')).toEqual({
    code: 0,
    out: '',
    err: 'no such events\n',
  });
  expect(await bulkhead('fleet', 'events', '--since', 'yesterday')).toMatchObject({
    code: 1,
    err: expect.stringContaining('FLEET_WEB_REQUEST_INVALID'),
  });
  expect((await json('attention')).body.items).toEqual(expect.any(Array));
  const who = await bulkhead('fleet', 'whoami');
  expect(who.out).toMatch(/^person +anna \(admin\)$/m);
  expect(who.out).toMatch(new RegExp(`^token +${tokenId} shell$`, 'm'));
  expect((await bulkhead('fleet', 'audit', '--action', 'sensor.adopt')).out).toMatch(/sensor\.adopt/);
  const log = join(dir, 'audit.ndjson');
  expect((await bulkhead('fleet', 'audit', '--export', log)).code).toBe(0);
  const entries = (await readFile(log, 'utf8')).trimEnd().split('\n');
  expect(entries.map((line) => JSON.parse(line).id)).toEqual(entries.map((_, index) => index + 1));
  expect(await bulkhead('fleet', 'audit', '--export', log)).toMatchObject({
    code: 1,
    err: expect.stringContaining('is there already'),
  });
  expect((await bulkhead('fleet', 'audit', '--check')).out).toMatch(/^whole: /);
});

test('what cannot be undone wants --yes and says what it costs; a revoked token is told to log in again', async () => {
  const asked = await bulkhead('fleet', 'revoke', 'ward-3', '--reason', 'stolen');
  expect(asked).toMatchObject({
    code: 2,
    err: expect.stringMatching(/thrown out[^]*Nothing was done[^]*--yes/),
  });
  expect(sensor.link.up).toBe(true);
  expect((await bulkhead('fleet', 'revoke', 'ward-3', '--reason', 'stolen', '--yes')).code).toBe(0);
  await expect.poll(() => sensor.link.up, SOON).toBe(false);
  expect((await bulkhead('fleet', 'sensors')).out).toMatch(/^ward-3 +revoked/m);

  expect((await admin.ask('DELETE', `/api/v1/tokens/${tokenId}`)).status).toBe(200);
  expect(await bulkhead('fleet', 'sensors')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^CLI_FLEET_LOGIN_REFUSED[^]*bulkhead fleet login/),
  });
  expect((await json('logout')).body).toEqual({ loggedOut: true });
  expect((await json('logout')).body).toEqual({ loggedOut: false });
});
