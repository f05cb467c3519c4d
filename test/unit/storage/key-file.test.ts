import { randomBytes } from 'node:crypto';
import { chmod, link, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { destroyKeyFile, readSensorKey } from '../../../platform/storage/key-file.ts';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-key-'));
  path = join(dir, 'sensor.key');
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const unsafe = expect.objectContaining({ code: 'STORAGE_KEY_UNSAFE' });

test('the first start makes a key of 32 random bytes that only its owner can read; later starts read it', async () => {
  const key = await readSensorKey(path, true);
  expect(key).toHaveLength(32);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await readSensorKey(path, false)).equals(key)).toBe(true);
});

test('a key is never made where sealed keys wait for the old one', async () => {
  await expect(readSensorKey(path, false)).rejects.toMatchObject({ code: 'STORAGE_KEY_MISSING' });
});

test.each([0o640, 0o604, 0o660, 0o602, 0o610])('mode %o is refused', async (mode) => {
  await writeFile(path, randomBytes(32));
  await chmod(path, mode);
  await expect(readSensorKey(path, true)).rejects.toEqual(unsafe);
});

test.each([
  ['empty', Buffer.alloc(0)],
  ['short', randomBytes(31)],
  ['zero', Buffer.alloc(32)],
  ['one pattern', Buffer.from('abcd'.repeat(16))],
  ['too long', randomBytes(4097)],
])('a key that is %s is refused', async (_, bytes) => {
  await writeFile(path, bytes, { mode: 0o600 });
  await expect(readSensorKey(path, true)).rejects.toEqual(unsafe);
});

test('a folder or device in place of the key is refused', async () => {
  await expect(readSensorKey(dir, true)).rejects.toEqual(unsafe);
  await expect(readSensorKey('/dev/zero', true)).rejects.toEqual(unsafe);
});

test('a destroyed key file is overwritten before it is unlinked', async () => {
  const bytes = randomBytes(500);
  await writeFile(path, bytes, { mode: 0o600 });
  await link(path, join(dir, 'held')); // shows what is left in the blocks
  await destroyKeyFile(path);
  await destroyKeyFile(path);
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  const left = await readFile(join(dir, 'held'));
  expect(left).toHaveLength(500);
  for (let at = 0; at + 16 <= 500; at += 16) expect(left.includes(bytes.subarray(at, at + 16))).toBe(false);
});
