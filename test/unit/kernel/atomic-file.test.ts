import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeFileAtomic } from '@bulkhead/platform/kernel';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

test('writes a private file, making its folder', async () => {
  const path = join(dir, 'a/b/key');
  await writeFileAtomic(path, 'secret');
  expect(await readFile(path, 'utf8')).toBe('secret');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('the mode is the one that was asked for, whatever the umask', async () => {
  const before = process.umask(0o077);
  try {
    await writeFileAtomic(join(dir, 'open'), 'x', 0o644);
  } finally {
    process.umask(before);
  }
  expect((await stat(join(dir, 'open'))).mode & 0o777).toBe(0o644);
});

test('replaces the file by another one: who has the old one open keeps all of it', async () => {
  const path = join(dir, 'state');
  await writeFile(path, 'old');
  const before = (await stat(path)).ino;
  await writeFileAtomic(path, 'new');
  expect(await readFile(path, 'utf8')).toBe('new');
  expect((await stat(path)).ino).not.toBe(before);
});

test('many writers: a reader never sees a part, and nothing is left beside the file', async () => {
  const path = join(dir, 'state');
  const contents = Array.from({ length: 20 }, (_, n) => String(n).repeat(50_000));
  await writeFileAtomic(path, contents[0]!);
  let writing = true;
  const reader = (async () => {
    while (writing) expect(contents).toContain(await readFile(path, 'utf8'));
  })();
  await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
  writing = false;
  await reader;
  expect(await readdir(dir)).toEqual(['state']);
});

test('a failure leaves what stood there and nothing beside it', async () => {
  const path = join(dir, 'taken');
  await writeFileAtomic(join(path, 'inside'), 'x');
  await expect(writeFileAtomic(path, 'y')).rejects.toThrow();
  expect(await readdir(dir)).toEqual(['taken']);
  expect(await readFile(join(path, 'inside'), 'utf8')).toBe('x');
});
