import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { startTestSensor, type TestSensor } from '../../support/sensor.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CLI = join(ROOT, 'build', 'bulkhead.mjs');

let sensor: TestSensor;
let dir = '';

beforeAll(async () => {
  await run(join(ROOT, 'scripts/build'), ['images', 'python'], { timeoutMs: 240_000 });
  // Beside the instrument under test a sensor without any: it comes up at once.
  sensor = await startTestSensor('b6', { version: 1, sensor: { name: 'lab' } });
  dir = await mkdtemp(join(tmpdir(), 'bh-dev-'));
}, 400_000);

afterAll(async () => {
  await sensor.remove();
  await rm(dir, { recursive: true, force: true });
}, 120_000);

/** `bulkhead --json dev run …`, with what it printed so far. */
function devRun(args: readonly string[]) {
  const socket = sitePaths(sensor.site).sensordSocket;
  const child = spawn(process.execPath, [CLI, '--socket', socket, '--json', 'dev', 'run', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return {
    text: () => text,
    said: (what: string, timeoutMs = 60_000) =>
      waitFor(`the command to say ${what}`, timeoutMs, () => {
        if (child.exitCode !== null && !text.includes(what)) throw new Error(`it ended: ${text}`);
        return text.includes(what);
      }),
    count: (what: string) => text.split(what).length - 1,
    end: async (signal: NodeJS.Signals) => {
      child.kill(signal);
      return ended;
    },
  };
}

async function instrument(name: string) {
  return (await sensor.status()).instruments.find((one) => one.name === name);
}

test('dev run runs the Python example, shown as unverified, with rights only by --grant-all; Ctrl-C leaves nothing', async () => {
  const source = join(ROOT, 'instruments/examples/hello-python');
  const denied = devRun([source]);
  await denied.said('Nothing of it is granted');
  await denied.said('health ok');
  expect(await denied.end('SIGINT')).toBe(0);
  expect(await instrument('dev-hello-python')).toBeUndefined();

  const started = devRun([source, '--grant-all']);
  await started.said('to read the alert events of suricata');
  await started.said('health ok');
  expect(await instrument('dev-hello-python')).toMatchObject({
    unverified: true,
    state: 'running',
    health: 'ok',
  });
  const greeting = await sensor.event('greeting', { type: 'greeting' }, () => true);
  expect(greeting.instrument).toBe('dev-hello-python');
  const volume = join(sitePaths(sensor.site).volumesDir);
  expect((await run('ls', [volume])).stdout).toContain('dev-hello-python');
  expect(await started.end('SIGINT')).toBe(0);
  expect(await instrument('dev-hello-python')).toBeUndefined();
  expect((await run('ls', [volume])).stdout).not.toContain('dev-hello-python');
});

test('with --watch a change runs in its place; a broken one is told and the old one runs on; a killed sensord leaves nothing of it', async () => {
  const source = join(dir, 'watched');
  await cp(join(ROOT, 'instruments/examples/hello-python'), source, { recursive: true });
  const watched = devRun([source, '--grant-all', '--watch', '--name', 'watched']);
  await watched.said('health ok');
  const main = join(source, 'main.py');
  const text = await readFile(main, 'utf8');
  await writeFile(main, text.replace('hello from Python', 'a second hello'));
  const second = await sensor.event(
    'second greeting',
    { type: 'greeting' },
    ({ record }) => record['text'] === 'a second hello',
  );
  expect(second.instrument).toBe('watched');
  const manifest = join(source, 'instrument.yaml');
  const good = await readFile(manifest, 'utf8');
  await writeFile(manifest, good.replace('version: 0.1.0', 'version: nonsense'));
  await watched.said('"kind":"fault"');
  expect(await instrument('watched')).toMatchObject({ state: 'running' });
  // A sensor that was killed knows nothing of it, and removes what it finds.
  await sensor.endSensord('SIGKILL');
  await sensor.startSensord();
  await waitFor('its volume to be gone', 60_000, async () => {
    const { stdout } = await run('ls', [sitePaths(sensor.site).volumesDir]);
    return !stdout.includes('watched');
  });
  expect(await instrument('watched')).toBeUndefined();
  await watched.end('SIGKILL');
});

test('a command that is killed takes its instrument with it, and no name of the configuration can be taken', async () => {
  const source = join(ROOT, 'instruments/examples/hello-python');
  const killed = devRun([source, '--name', 'orphan']);
  await killed.said('health ok');
  await killed.end('SIGKILL');
  await waitFor('the orphan to end', 60_000, async () => (await instrument('orphan')) === undefined);
  const answer = await sensor.client
    .post('/dev/instruments', { name: 'platform', dir: source })
    .catch((error: unknown) => error);
  expect(String(answer)).toContain('is reserved for the platform');
  const unknown = await sensor.client
    .post('/dev/instruments', { name: 'x1', dir: source, interfaces: { mon0: 'nowhere' } })
    .catch((error: unknown) => error);
  expect(String(unknown)).toContain('there is no monitor interface nowhere');
});
