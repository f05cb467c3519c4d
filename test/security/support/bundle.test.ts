import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run, sitePaths } from '@bulkhead/platform/kernel';
import { startTestSensor, type TestSensor } from '../../support/sensor.ts';

const CLI = fileURLToPath(new URL('../../../build/bulkhead.mjs', import.meta.url));
const MARKS = {
  option: `mark-option-${randomBytes(6).toString('hex')}`,
  nested: `mark-nested-${randomBytes(6).toString('hex')}`,
  bearer: `mark-bearer-${randomBytes(6).toString('hex')}`,
  url: `mark-url-${randomBytes(6).toString('hex')}`,
  pem: `MarkPem${randomBytes(12).toString('hex')}`,
};

let sensor: TestSensor;
let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bh-support-'));
  sensor = await startTestSensor('b5s', {
    version: 1,
    sensor: { name: 'ward-three' },
    instruments: [
      {
        name: 'loader',
        package: 'not-there',
        options: {
          apiToken: MARKS.option,
          feed: { password: MARKS.nested, url: `https://me:${MARKS.url}@feed.example/x` },
        },
      },
    ],
  });
}, 240_000);

afterAll(async () => {
  await sensor.remove();
  await rm(dir, { recursive: true, force: true });
}, 120_000);

async function bundle(args: readonly string[], socket = sitePaths(sensor.site).sensordSocket) {
  const { stdout } = await run(
    process.execPath,
    [CLI, '--socket', socket, '--json', 'support-bundle', ...args],
    {
      timeoutMs: 120_000,
      cwd: dir,
    },
  );
  return JSON.parse(stdout) as {
    partial: boolean;
    file?: string;
    files: { path: string; redacted: Record<string, number> }[];
    missing: { path: string }[];
  };
}

/** Every form in which the bytes of a key could stand in a text. */
function forms(key: Buffer): string[] {
  const trimmed = key.toString('latin1').trim();
  return [trimmed, key.toString('hex'), key.toString('base64'), key.toString('base64url')].filter(
    (text) => text.length > 8,
  );
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

test('no key, password, token or address is in a support bundle, wherever they were planted', async () => {
  const { stateDir, runDir } = sensor.site;
  const keys = await Promise.all((await filesBelow(join(stateDir, 'keys'))).map((file) => readFile(file)));
  const configs = await filesBelow(join(runDir, 'bus'));
  const seeds = (await Promise.all(configs.map((file) => readFile(file, 'latin1'))))
    .join('\n')
    .match(/\bS[A-Z2-7]{50,60}\b/g);
  expect(keys.length).toBeGreaterThan(0);
  await mkdir(join(stateDir, 'log'), { recursive: true });
  const planted = [
    `Authorization: Bearer ${MARKS.bearer}`,
    `-----BEGIN PRIVATE KEY-----\n${MARKS.pem}\n-----END PRIVATE KEY-----`,
    ...keys.flatMap((key) => forms(key)),
    ...(seeds ?? []),
    'the peer 10.20.30.40 at secret-host.clinic.example said hello to ward-three',
  ];
  const lines = planted.map((msg) => JSON.stringify({ level: 50, time: new Date().toISOString(), msg }));
  await writeFile(join(stateDir, 'log', 'sensord.log'), `${lines.join('\n')}\n${planted.join('\n')}\n`);

  const preview = await bundle(['--preview']);
  expect(preview.file).toBeUndefined();
  expect(await readdir(dir)).toEqual([]);
  const made = await bundle(['--output', join(dir, 'one.tar.gz')]);
  expect(made.files.map(({ path }) => path)).toEqual(preview.files.map(({ path }) => path));
  expect(made.files.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['status.json', 'sensor.json', 'doctor.json', 'machine.json', 'logs/sensord.log']),
  );
  expect((await stat(join(dir, 'one.tar.gz'))).mode & 0o777).toBe(0o600);
  const content = gunzipSync(await readFile(join(dir, 'one.tar.gz')));
  const text = content.toString('latin1');
  for (const [what, mark] of Object.entries(MARKS))
    expect(text.includes(mark) ? what : 'absent').toBe('absent');
  for (const key of keys) {
    expect(content.includes(key)).toBe(false);
    for (const form of forms(key)) expect(text).not.toContain(form);
  }
  for (const seed of seeds ?? []) expect(text).not.toContain(seed);
  for (const local of ['10.20.30.40', 'clinic.example', 'ward-three']) expect(text).not.toContain(local);
  // It is of use all the same: who is configured, and that something is wrong.
  expect(text).toContain('"loader"');
  expect(/(SENSORD|PACKAGES)_[A-Z_]+/.test(text)).toBe(true);
});

test('a bundle is never written over a file, and says so when no sensor answers', async () => {
  await writeFile(join(dir, 'there.tar.gz'), 'mine');
  await expect(bundle(['--output', join(dir, 'there.tar.gz')])).rejects.toThrow('CLI_SUPPORT_NOT_WRITTEN');
  expect(await readFile(join(dir, 'there.tar.gz'), 'utf8')).toBe('mine');
  const alone = await bundle(
    ['--output', join(dir, 'alone.tar.gz'), '--state-dir', sensor.site.stateDir],
    join(dir, 'nobody.sock'),
  );
  expect(alone.partial).toBe(true);
  expect(alone.missing.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['status.json', 'sensor.json']),
  );
  expect(alone.files.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['doctor.json', 'logs/sensord.log']),
  );
});
