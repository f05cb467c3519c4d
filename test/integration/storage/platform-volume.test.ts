import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { StorageSite } from './storage-site.ts';

let here: StorageSite | undefined;
afterEach(async () => {
  await here?.clean();
});

test("the platform's own volume is root's alone, unreadable when locked, and taken up again after a crash", async () => {
  here = await StorageSite.make();
  const storage = await here.open();
  const first = await storage.platform.unlock('events', { sizeMib: 64 });
  expect(first.created).toBe(true);
  expect((await stat(first.path)).mode & 0o777).toBe(0o700);
  await writeFile(join(first.path, 'file'), 'kept');
  expect(await storage.list()).toEqual([]);
  expect(await storage.platform.state('events')).toMatchObject({ state: 'unlocked', sizeMib: 64 });
  // As after a crash: mounted, and nobody remembers.
  const next = await here.open();
  const again = await next.platform.unlock('events', { sizeMib: 80 });
  expect(again.created).toBe(false);
  expect(await readFile(join(again.path, 'file'), 'utf8')).toBe('kept');
  expect(await next.platform.state('events')).toMatchObject({ sizeMib: 80 });
  await next.platform.lock('events');
  expect(existsSync(again.path)).toBe(false);
  await next.platform.lock('events');
  await expect(next.lock('platform.events')).rejects.toMatchObject({ code: 'STORAGE_NAME_INVALID' });
});
