import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import { createUser } from '@nats-io/nkeys';
import { expect, test } from 'vitest';
import { makeSupportBundle, Redactor, SUPPORT_LIMITS } from '@bulkhead/platform/health';

const redactor = (keepAddresses = false, names: string[] = []) => new Redactor({ keepAddresses, names });

test.each([
  ['an nkey seed', Buffer.from(createUser().getSeed()).toString()],
  ['a key in hex', randomBytes(32).toString('hex')],
  ['a key in base64', Buffer.concat([Buffer.from([0, 16, 131]), randomBytes(29)]).toString('base64')],
  ['a PEM block', '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIDuN\n-----END PRIVATE KEY-----'],
  ['a PEM block that was cut', '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIDuN'],
  ['a JSON web token', 'eyJhbGciOiJFZDI1NTE5In0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'],
])('%s is taken out of a text wherever it stands', (_, secret) => {
  for (const text of [
    secret,
    `before ${secret} after`,
    JSON.stringify({ msg: `it was ${secret}` }),
    `x=${secret};`,
  ]) {
    const { text: clean, redactions } = redactor(true).clean(text);
    for (const piece of secret.split('\n')) expect(clean).not.toContain(piece);
    expect(Object.keys(redactions)).not.toEqual([]);
  }
});

test.each([
  'Authorization: Bearer hunter2hunter2',
  'password=hunter2hunter2 next',
  '{"apiKey": "hunter2hunter2", "a": 1}',
  '{"db_password":"hunter2hunter2"}',
  "passphrase: 'hunter2hunter2'",
  'nats://user:hunter2hunter2@10.0.0.1:4222',
  'GET /?access_token=hunter2hunter2&x=1',
])('what is called a secret is taken out: %s', (text) => {
  expect(redactor(true).clean(text).text).not.toContain('hunter2');
});

test('addresses and names become the same pseudonym everywhere, and what belongs to nobody stays', () => {
  const made = redactor(false, ['ward-3', 'alice']);
  const first = made.clean(
    'ward-3: alice saw 10.1.2.3 and fe80::1 (aa:bb:cc:dd:ee:ff) at db.clinic.example',
  ).text;
  expect(first).toBe('name-1: name-2 saw ip4-1 and ip6-1 (mac-1) at domain-1');
  expect(
    made.clean('10.1.2.3 and 10.1.2.4, 127.0.0.1, sensor.yaml, instrument.started, db.clinic.example').text,
  ).toBe('ip4-1 and ip4-2, 127.0.0.1, sensor.yaml, instrument.started, domain-1');
  expect(made.clean('version 6.18.1, package 1.2.3-4').text).toBe('version 6.18.1, package 1.2.3-4');
  expect(redactor(true, ['ward-3']).clean('ward-3 10.1.2.3').text).toBe('ward-3 10.1.2.3');
});

test('options with the name of a secret are taken out whole, whatever they hold', () => {
  const { value } = redactor().cleanValue({
    options: { password: 'a', Secret: { deep: ['b'] }, homeNet: ['x'] },
    tokenFile: '/t',
  });
  expect(value).toEqual({
    options: { password: '[redacted]', Secret: '[redacted]', homeNet: ['x'] },
    tokenFile: '/t',
  });
});

test('a bundle is a tar archive with a manifest; what fails, hangs or is too large hinders nothing else', async () => {
  const source = (path: string, read: () => Promise<unknown>) => ({ path, about: path, read });
  const { manifest, archive } = await makeSupportBundle(
    [
      source('good.json', () => Promise.resolve({ password: 'x', address: '10.1.2.3' })),
      source('broken.log', () => Promise.reject(new Error('no such file'))),
      source('large.log', () => Promise.resolve(`${'line of a log\n'.repeat(200_000)}the end`)),
    ],
    { madeAt: new Date('2026-01-01T00:00:00Z'), keepAddresses: false, names: [] },
  );
  expect(manifest.partial).toBe(true);
  expect(manifest.missing).toEqual([{ path: 'broken.log', about: 'broken.log', reason: 'no such file' }]);
  expect(manifest.files.map(({ path, cut }) => [path, cut])).toEqual([
    ['good.json', undefined],
    ['large.log', true],
  ]);
  const tar = (args: string[]) => execFileSync('tar', args, { input: gunzipSync(archive) }).toString();
  expect(tar(['-tf', '-']).trim().split('\n')).toEqual(['MANIFEST.json', 'good.json', 'large.log']);
  expect(JSON.parse(tar(['-xOf', '-', 'good.json']))).toEqual({ password: '[redacted]', address: 'ip4-1' });
  expect(tar(['-xOf', '-', 'large.log']).endsWith('the end')).toBe(true);
  expect(JSON.parse(tar(['-xOf', '-', 'MANIFEST.json']))).toEqual(manifest);
  expect(archive.length).toBeLessThan(SUPPORT_LIMITS.bytes);
});
