import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLog } from '@bulkhead/platform/kernel';
import { KeyRing } from '@bulkhead/platform/storage';
import { VolumeKeys } from '../../../platform/storage/volume-keys.ts';
import { bundleProgram } from '../../support/bundle-program.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const PASSPHRASE = 'correct horse battery staple';
/** So that the rounds take moments; a slot remembers its own cost. */
const CHEAP = { n: 1 << 14, r: 8, p: 1 };
const log = openLog('test', 'silent');

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp('/var/tmp/bulkhead-rotation-');
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** Replaces the sensor key without end, until it is killed. */
const PROGRAM = (source: string) => `
import { openLog } from '${source}/kernel/index.ts';
import { KeyRing } from '${source}/storage/index.ts';
const [dir, keyFile] = process.argv.slice(2);
const ring = await KeyRing.open(dir, openLog('x', 'silent'));
await ring.unlockWithFile(keyFile);
console.log('ready');
for (;;) await ring.rotate();
`;

async function secretsOf(keys: VolumeKeys): Promise<string[]> {
  const volumes = NAMES.map((name) => keys.lend(name, (master) => Promise.resolve(master.toString('hex'))));
  return [keys.deriveSecret('test').toString('hex'), ...(await Promise.all(volumes))];
}

test('killed at any moment of a rotation, every way opens the same keys, and nothing half made is left', async () => {
  const source = new URL('../../../platform', import.meta.url).pathname;
  const bundle = join(dir, 'program.mjs');
  await bundleProgram(PROGRAM(source), bundle);
  const keysDir = join(dir, 'keys');
  const keyFile = join(keysDir, 'sensor.key');
  const first = await KeyRing.open(keysDir, log, CHEAP);
  await first.unlockWithFile(keyFile);
  const keys = await VolumeKeys.open(first);
  for (const name of NAMES) {
    await keys.make(name, `uuid-${name}`);
    await keys.commit(name);
  }
  const expected = await secretsOf(keys);
  await first.addSlot({ kind: 'passphrase', label: '', secret: Buffer.from(PASSPHRASE) });
  const sensorKeys = new Set<string | undefined>();
  let interrupted = 0;
  for (let round = 0; round < 16; round += 1) {
    const child = spawn(process.execPath, [bundle, keysDir, keyFile], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await sleep(Math.random() * 400);
    expect(child.exitCode, 'it runs until it is killed').toBe(null);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    if ((await readdir(keysDir)).some((name) => name.endsWith('.next'))) interrupted += 1;

    const ring = await KeyRing.open(keysDir, log);
    if (round % 2 === 0) await ring.unlockWithFile(keyFile);
    else await ring.unlockWithPassphrase(Buffer.from(PASSPHRASE));
    expect(await secretsOf(await VolumeKeys.open(ring))).toEqual(expected);
    sensorKeys.add(ring.state.sensorKey);
    expect((await readdir(keysDir)).sort()).toEqual([
      'platform.json',
      'sensor.key',
      'slots.copy.json',
      'slots.json',
      ...NAMES.map((name) => `volume-${name}.json`),
    ]);
    ring.close();
  }
  expect(sensorKeys.size, 'the key was replaced').toBeGreaterThan(1);
  expect(interrupted, 'some rounds were cut in the middle').toBeGreaterThan(0);
});
