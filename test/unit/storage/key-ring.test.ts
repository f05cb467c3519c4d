import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLog } from '@bulkhead/platform/kernel';
import { KeyRing, makeRecoveryCode } from '@bulkhead/platform/storage';
import { VolumeKeys } from '../../../platform/storage/volume-keys.ts';
import { parseRecoveryCode } from '../../../platform/storage/key-recovery-code.ts';

const log = openLog('test', 'silent');
/** So that the tests do not take minutes; a slot remembers its own cost. */
const CHEAP = { n: 1 << 14, r: 8, p: 1 };
const PASSPHRASE = Buffer.from('correct horse battery staple');
let dir: string;
let keyFile: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-keys-'));
  keyFile = join(dir, 'sensor.key');
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** A first start, with the keys of two volumes. */
async function filled(): Promise<{ ring: KeyRing; keys: VolumeKeys; secrets: Record<string, string> }> {
  const ring = await KeyRing.open(dir, log, CHEAP);
  await ring.unlockWithFile(keyFile);
  const keys = await VolumeKeys.open(ring);
  for (const name of ['a', 'b']) {
    await keys.make(name, `uuid-${name}`);
    await keys.commit(name);
  }
  return { ring, keys, secrets: await secretsOf(keys) };
}

async function secretsOf(keys: VolumeKeys): Promise<Record<string, string>> {
  const secrets: Record<string, string> = { platform: keys.deriveSecret('test').toString('hex') };
  for (const name of await keys.names()) {
    secrets[name] = await keys.lend(name, (master) => Promise.resolve(master.toString('hex')));
  }
  return secrets;
}

/** What a later start reads. */
async function reopened(unlock: (ring: KeyRing) => Promise<void>): Promise<Record<string, string>> {
  const ring = await KeyRing.open(dir, log, CHEAP);
  await unlock(ring);
  return secretsOf(await VolumeKeys.open(ring));
}

const byFile = (ring: KeyRing) => ring.unlockWithFile(keyFile);
const byPassphrase = (ring: KeyRing) => ring.unlockWithPassphrase(PASSPHRASE);
const passphrase = () => ({ kind: 'passphrase' as const, label: '', secret: PASSPHRASE });

describe('ways to the sensor key', () => {
  test('a plain key file stays the sensor key itself, with no other file', async () => {
    const { ring } = await filled();
    expect(ring.state).toMatchObject({ unlocked: true, mode: 'plain', slots: [] });
    expect((await readdir(dir)).sort()).toEqual([
      'platform.json',
      'sensor.key',
      'volume-a.json',
      'volume-b.json',
    ]);
  });

  test('each slot opens the same keys; nothing else does', async () => {
    const { ring, secrets } = await filled();
    await ring.addSlot(passphrase());
    const { code, secret } = makeRecoveryCode();
    await ring.addSlot({ kind: 'recovery', label: '', secret });
    expect(ring.state.slots.map(({ kind }) => kind)).toEqual(['key-file', 'passphrase', 'recovery']);
    expect(await reopened(byFile)).toEqual(secrets);
    expect(await reopened(byPassphrase)).toEqual(secrets);
    const typed = Buffer.from(` ${code.toLowerCase().replaceAll('-', ' ')}`);
    expect(await reopened((one) => one.unlockWithPassphrase(typed))).toEqual(secrets);
    for (const wrong of ['correct horse battery stapler', '', code.slice(0, -1)]) {
      const locked = await KeyRing.open(dir, log, CHEAP);
      await expect(locked.unlockWithPassphrase(Buffer.from(wrong))).rejects.toMatchObject({
        code: 'STORAGE_PASSPHRASE_WRONG',
      });
      expect(locked.unlocked).toBe(false);
    }
    const other = join(dir, 'other.key');
    await writeFile(other, randomBytes(32), { mode: 0o600 });
    await expect((await KeyRing.open(dir, log, CHEAP)).unlockWithFile(other)).rejects.toMatchObject({
      code: 'STORAGE_KEY_WRONG',
    });
  });

  test('a missing key file is not made anew once there is something to lose', async () => {
    const { ring } = await filled();
    await ring.addSlot(passphrase());
    await rm(keyFile);
    await expect((await KeyRing.open(dir, log, CHEAP)).unlockWithFile(keyFile)).rejects.toMatchObject({
      code: 'STORAGE_KEY_MISSING',
    });
    expect(await readdir(dir)).not.toContain('sensor.key');
  });

  test('nobody locks himself out: the last slot stays; a weak passphrase is none', async () => {
    const { ring, secrets } = await filled();
    await ring.addSlot(passphrase());
    await expect(ring.addSlot({ ...passphrase(), secret: Buffer.from('short') })).rejects.toMatchObject({
      code: 'STORAGE_PASSPHRASE_WEAK',
    });
    await expect(ring.removeSlot(7)).rejects.toMatchObject({ code: 'STORAGE_SLOT_UNKNOWN' });
    await ring.removeSlot(1);
    expect(await readdir(dir)).not.toContain('sensor.key');
    await expect(ring.removeSlot(2)).rejects.toMatchObject({ code: 'STORAGE_SLOT_LAST' });
    expect(await reopened(byPassphrase)).toEqual(secrets);
  });

  test('who kept the slots and the secret of a removed one learns nothing of what is sealed now', async () => {
    const { ring, secrets } = await filled();
    await ring.addSlot(passphrase());
    const old = join(dir, 'old-slots');
    await copyFile(join(dir, 'slots.json'), old);
    await ring.addSlot({ kind: 'recovery', label: '', secret: makeRecoveryCode().secret });
    await ring.removeSlot(2);
    expect(await reopened(byFile)).toEqual(secrets);
    await copyFile(old, join(dir, 'slots.json'));
    const thief = await KeyRing.open(dir, log, CHEAP);
    await expect(thief.unlockWithPassphrase(PASSPHRASE)).rejects.toMatchObject({ code: 'STORAGE_KEY_WRONG' });
  });

  test('a slot that somebody else put in is noticed before it gets a key', async () => {
    const { ring } = await filled();
    await ring.addSlot(passphrase());
    const path = join(dir, 'slots.json');
    const file = JSON.parse(await readFile(path, 'utf8')) as { slots: { id: number; label: string }[] };
    file.slots.push({ ...(file.slots[1] ?? { id: 0, label: '' }), id: 9, label: 'mine' });
    await writeFile(path, JSON.stringify(file));
    await expect((await KeyRing.open(dir, log, CHEAP)).unlockWithFile(keyFile)).rejects.toMatchObject({
      code: 'STORAGE_SLOTS_DAMAGED',
    });
  });

  test('damaged slots: the copy serves; both damaged is said, and nothing is made anew', async () => {
    const { ring, secrets } = await filled();
    await ring.addSlot(passphrase());
    await writeFile(join(dir, 'slots.json'), '{"version":1,');
    expect(await reopened(byPassphrase)).toEqual(secrets);
    await writeFile(join(dir, 'slots.json'), '');
    await writeFile(join(dir, 'slots.copy.json'), '');
    await expect(KeyRing.open(dir, log, CHEAP)).rejects.toMatchObject({ code: 'STORAGE_SLOTS_DAMAGED' });
  });

  test('locked: nothing can be read or made', async () => {
    await filled();
    const keys = await VolumeKeys.open(await KeyRing.open(dir, log, CHEAP));
    const locked = { code: 'STORAGE_LOCKED' };
    expect(() => keys.deriveSecret('x')).toThrow(/locked/);
    await expect(keys.lend('a', () => Promise.resolve())).rejects.toMatchObject(locked);
    await expect(keys.make('c', 'uuid')).rejects.toMatchObject(locked);
    expect(await keys.names()).toEqual(['a', 'b']);
  });
});

describe('rotation', () => {
  test('other files, the same keys, the same ways to them; the old key opens nothing', async () => {
    const { ring, keys, secrets } = await filled();
    await ring.addSlot(passphrase());
    const before = await readFile(join(dir, 'volume-a.json'), 'utf8');
    const name = ring.state.sensorKey;
    expect(await ring.rotate()).toEqual({ skipped: [] });
    expect(ring.state.sensorKey).not.toBe(name);
    expect(await readFile(join(dir, 'volume-a.json'), 'utf8')).not.toBe(before);
    expect(await secretsOf(keys)).toEqual(secrets);
    expect(await reopened(byFile)).toEqual(secrets);
    expect(await reopened(byPassphrase)).toEqual(secrets);
    expect((await readdir(dir)).filter((file) => file.includes('.next'))).toEqual([]);
  });

  test('keys that are made while it runs are not lost', async () => {
    const { ring, keys } = await filled();
    await keys.make('half', 'uuid-half');
    const making = Array.from({ length: 10 }, async (_, n) => {
      await keys.make(`c${String(n)}`, 'uuid');
      await keys.commit(`c${String(n)}`);
    });
    await Promise.all([...making, ring.rotate(), ring.rotate()]);
    await keys.commit('half');
    const secrets = await secretsOf(keys);
    expect(Object.keys(secrets)).toHaveLength(14);
    expect(await reopened(byFile)).toEqual(secrets);
  });

  test('a key that was damaged before is told of and does not stop it', async () => {
    const { ring } = await filled();
    await writeFile(join(dir, 'volume-b.json'), '{}');
    const { skipped } = await ring.rotate();
    expect(skipped).toEqual([expect.stringContaining('volume-b.json: STORAGE_KEY_DAMAGED')]);
    const again = await KeyRing.open(dir, log, CHEAP);
    await again.unlockWithFile(keyFile);
    expect(await (await VolumeKeys.open(again)).lend('a', () => Promise.resolve('open'))).toBe('open');
  });
});

describe('a recovery code', () => {
  test('survives being written down, and tells a slip from a code', () => {
    for (let n = 0; n < 50; n += 1) {
      const { code, secret } = makeRecoveryCode();
      expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){7}[0-9A-HJKMNP-TV-Z]{5}$/);
      const misread = code.replaceAll('0', 'o').replaceAll('1', 'l');
      expect(parseRecoveryCode(Buffer.from(misread))).toEqual(secret);
      const slip = (code.startsWith('A') ? 'B' : 'A') + code.slice(1);
      expect(parseRecoveryCode(Buffer.from(slip))).toBeUndefined();
    }
  });
});
