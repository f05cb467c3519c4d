import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { startLabSensor, type LabSensor } from '../../support/lab-sensor.ts';

const BULKHEAD = fileURLToPath(new URL('../../../build/bulkhead.mjs', import.meta.url));
const PASSPHRASE = 'umbrella-teapot-glacier-violin';
const MEDIUM = '/var/tmp/bulkhead-test-b6k-medium';

let world: LabSensor;

beforeAll(async () => {
  world = await startLabSensor('b6k');
}, 600_000);

afterAll(async () => {
  await unplug();
  await rm(MEDIUM, { recursive: true, force: true });
  await world.remove();
});

/** The command as an operator runs it; what it asks for comes on standard input. */
async function bulkhead(args: string[], input = '') {
  const socket = sitePaths(world.sensor.site).sensordSocket;
  return run(process.execPath, [BULKHEAD, '--socket', socket, ...args], {
    allowFailure: true,
    timeoutMs: 120_000,
    input,
  });
}

async function pids(): Promise<Record<string, number | undefined>> {
  const { instruments } = await world.sensor.status();
  return Object.fromEntries(instruments.map(({ name, pid }) => [name, pid]));
}

const keysDir = () => sitePaths(world.sensor.site).keysDir;

interface KeyState {
  unlocked: boolean;
  mode: string;
  reason?: string;
  slots: { id: number; kind: string }[];
}

async function keyState(): Promise<KeyState> {
  return (await world.sensor.client.get('/keys')) as KeyState;
}

/** Starts sensord and waits until it answers at all, locked or not. */
async function startLocked(...extra: string[]): Promise<KeyState> {
  await world.sensor.startSensord(extra, keyState);
  return keyState();
}

/** Where a secret must not be: what every process was started with, the log of the sensor, the files of its state. */
async function placesWith(secret: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    for (const file of ['cmdline', 'environ']) {
      const text = await readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '');
      if (text.includes(secret)) found.push(`/proc/${pid}/${file}`);
    }
  }
  if ((await world.sensor.log()).includes(secret)) found.push('the log');
  const { stdout } = await run(
    'grep',
    ['-rlaF', '--exclude=*.img', '-f', '-', keysDir(), world.sensor.site.runDir],
    {
      allowFailure: true,
      input: secret,
    },
  );
  return [...found, ...stdout.split('\n').filter((line) => line !== '')];
}

/** A small filesystem that comes and goes like a stick. */
async function plug(): Promise<void> {
  await run('losetup', ['--find', '--show', `${MEDIUM}/stick.img`]);
}

async function unplug(): Promise<void> {
  const { stdout } = await run('losetup', ['-j', `${MEDIUM}/stick.img`, '-O', 'NAME', '--noheadings']);
  for (const device of stdout.split('\n').filter((line) => line !== ''))
    await run('losetup', ['-d', device.trim()]);
}

describe('the sensor key', () => {
  test('is replaced while instruments run on, and a killed sensor finds everything again', async () => {
    const before = await pids();
    const sealed = await readFile(join(keysDir(), 'platform.json'), 'utf8');
    expect((await bulkhead(['keys', 'status'])).stdout).toContain('The key file is the only way to it');
    const rotated = await bulkhead(['keys', 'rotate']);
    expect(rotated.stdout + rotated.stderr).toContain('the sensor key was replaced');
    expect(await readFile(join(keysDir(), 'platform.json'), 'utf8')).not.toBe(sealed);
    await world.sensor.endSensord('SIGKILL');
    await world.sensor.startSensord();
    await world.sensor.healthy();
    expect(await pids()).toEqual(before);
  });

  test('a passphrase goes from standard input into a slot, and is nowhere else', async () => {
    const socket = sitePaths(world.sensor.site).sensordSocket;
    const asking = spawn(process.execPath, [BULKHEAD, '--socket', socket, 'keys', 'add-passphrase'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    const ended = once(asking, 'exit');
    asking.stdin.write(PASSPHRASE);
    expect(await placesWith(PASSPHRASE)).toEqual([]);
    asking.stdin.end('\n');
    expect(await ended).toEqual([0, null]);
    expect((await keyState()).slots.map(({ kind }) => kind)).toEqual(['key-file', 'passphrase']);
    expect(await placesWith(PASSPHRASE)).toEqual([]);
    expect((await bulkhead(['keys', 'add-passphrase'], 'short')).stderr).toContain('STORAGE_PASSPHRASE_WEAK');
    expect((await bulkhead(['keys', 'add-passphrase'])).stderr).toContain('CLI_SECRET_MISSING');
  });

  test('at a terminal the passphrase is asked for and not shown', async () => {
    const socket = sitePaths(world.sensor.site).sensordSocket;
    const command = `${process.execPath} ${BULKHEAD} --socket ${socket} keys add-passphrase`;
    const terminal = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(terminal, 'close');
    let shown = '';
    terminal.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()));
    await waitFor('the question', 60_000, () => shown.includes('New passphrase'));
    terminal.stdin.write(`${PASSPHRASE}\r`);
    await waitFor('the second question', 60_000, () => shown.includes('Again'));
    terminal.stdin.write('another one entirely\r');
    await ended;
    expect(shown).toContain('CLI_SECRET_DIFFERS');
    expect(shown).not.toContain(PASSPHRASE);
    expect(shown).not.toContain('another one');
    expect((await keyState()).slots).toHaveLength(2);
  });

  test('without its key file the sensor is locked, says so, and what runs goes on; the passphrase unlocks it', async () => {
    const before = await pids();
    expect((await bulkhead(['keys', 'remove-slot', '1'])).stdout).toContain('slot 1 was removed');
    expect(await readdir(keysDir())).not.toContain('sensor.key');
    expect((await bulkhead(['keys', 'remove-slot', '2'])).stderr).toContain('STORAGE_SLOT_LAST');
    await world.sensor.endSensord('SIGTERM');
    expect(await startLocked()).toMatchObject({ unlocked: false, mode: 'slots' });
    const status = await bulkhead(['status']);
    expect(status.exitCode).toBe(1);
    expect(status.stderr).toContain('STORAGE_LOCKED: The sensor is locked');
    expect((await bulkhead(['keys', 'status'])).stdout).toContain('locked: STORAGE_KEY_MISSING');
    const wrong = await bulkhead(['keys', 'unlock'], 'umbrella-teapot-glacier-piano');
    expect(wrong.exitCode).toBe(1);
    expect(wrong.stderr).toContain('STORAGE_PASSPHRASE_WRONG');
    const unlocked = await bulkhead(['keys', 'unlock'], `${PASSPHRASE}\n`);
    expect(unlocked.stdout + unlocked.stderr).toBe('the sensor is unlocked and starts\n');
    await world.sensor.healthy();
    expect(await pids()).toEqual(before);
    expect(await placesWith(PASSPHRASE)).toEqual([]);
  });
});

describe('a key on another medium', () => {
  test('after a power-up nothing runs until the medium appears; then the sensor starts by itself, and no longer needs it', async () => {
    await mkdir(`${MEDIUM}/mount`, { recursive: true });
    await run('truncate', ['-s', '8M', `${MEDIUM}/stick.img`]);
    await run('mkfs.ext4', ['-q', '-L', 'b6k-key', `${MEDIUM}/stick.img`]);
    await run('mount', ['-o', 'loop', `${MEDIUM}/stick.img`, `${MEDIUM}/mount`]);
    try {
      const added = await bulkhead(['keys', 'add-key-file', `${MEDIUM}/mount/sensor.key`]);
      expect(added.stdout + added.stderr).toContain('opens the sensor from now on');
    } finally {
      await run('umount', [`${MEDIUM}/mount`]);
    }
    await world.sensor.client.shutdown();
    await world.sensor.endSensord('SIGKILL').catch(() => undefined);
    const state = await startLocked('--key-file', 'LABEL=b6k-key:/sensor.key');
    expect(state).toMatchObject({ unlocked: false });
    expect(state.reason).toContain('STORAGE_MEDIUM_ABSENT');
    const project = ['query', `/1.0/instances?recursion=1&project=${world.sensor.site.lxdProject}`];
    const { stdout } = await run('lxc', project);
    expect(JSON.parse(stdout)).toEqual([]);
    await plug();
    // Between the answers of the locked sensor and those of the unlocked one nobody answers.
    await waitFor('the sensor to unlock', 60_000, async () => {
      return (await keyState().catch(() => undefined))?.unlocked;
    });
    await unplug();
    await world.sensor.healthy();
    expect(await keyState()).toMatchObject({ unlocked: true });
    expect(await run('findmnt', ['-n', '-S', 'LABEL=b6k-key'], { allowFailure: true })).toMatchObject({
      stdout: '',
    });
  });

  test('a passphrase in a file that systemd gives unlocks at once', async () => {
    const before = await pids();
    await world.sensor.endSensord('SIGTERM');
    const credential = join(world.sensor.site.runDir, 'passphrase');
    await writeFile(credential, `${PASSPHRASE}\n`, { mode: 0o400 });
    await world.sensor.startSensord(['--passphrase-file', credential]);
    await rm(credential);
    await world.sensor.healthy();
    expect(await pids()).toEqual(before);
  });
});

describe('every way to the key is lost', () => {
  test('following the README, the sensor begins anew with its configuration, and what was stored is moved away', async () => {
    const { config } = await world.sensor.status();
    const { slots } = await keyState();
    const lost = `${MEDIUM}/lost`;
    await world.sensor.client.shutdown();
    await world.sensor.endSensord('SIGKILL').catch(() => undefined);
    const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
    const command = /^sudo (find \/var\/lib\/bulkhead -mindepth .*)$/m.exec(readme)?.[1] ?? '';
    await mkdir(lost);
    await run('sh', [
      '-c',
      command.replace('/var/lib/bulkhead', world.sensor.site.stateDir).replace('/root/bulkhead-lost', lost),
    ]);
    expect(await readdir(lost)).toEqual(expect.arrayContaining(['keys', 'volumes', 'bus']));
    await world.sensor.startSensord();
    const status = await world.sensor.healthy();
    expect(status.config.revision).toEqual(config.revision);
    expect(slots.length).toBeGreaterThan(0);
    expect(await keyState()).toMatchObject({ unlocked: true, mode: 'plain', slots: [] });
    expect((await world.sensor.stored({ type: 'sensor.started', instrument: 'platform' })).length).toBe(1);
  });
});
