import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, sitePaths, withReverter, type Site } from '../kernel/index.ts';
import { changed, digestAppFolder, type AppEntry } from './app-folder.ts';
import type { LoadedPackage } from './load-package.ts';

const UNFINISHED = '.placing-';

/**
 * Copies an app to where containers mount it: `<cacheDir>/apps/<digest>`, read-only for all, owned by root. The folder
 * appears whole or not at all. One that already stands there is adopted when its content is right, and replaced when
 * somebody changed it (a container that has it mounted keeps what it has).
 * @returns the folder
 * @throws BulkheadError PACKAGES_FOLDER_CHANGED when the source is no longer what `loadPackage` saw
 */
export async function placeApp(app: LoadedPackage, at: Site): Promise<string> {
  const { appsDir } = sitePaths(at);
  // Containers' users read the app through these folders.
  await mkdir(appsDir, { recursive: true, mode: 0o755 });
  const target = join(appsDir, app.digest);
  if (await stands(target, app.digest)) return target;

  const temporary = join(appsDir, `${UNFINISHED}${randomBytes(8).toString('hex')}`);
  await withReverter(
    () => undefined, // what could not be removed is found by pruneApps
    async (undo) => {
      await mkdir(temporary, { mode: 0o700 });
      undo.add('unfinished copy', async () => removeTree(temporary));
      await copyInto(app, temporary);
      await putInPlace(temporary, target, app.digest);
    },
  );
  return target;
}

/**
 * Removes placed apps whose digest is not in `keep`, and copies that were never finished.
 * @returns the digests that were removed
 */
export async function pruneApps(at: Site, keep: ReadonlySet<string>): Promise<string[]> {
  const { appsDir } = sitePaths(at);
  const names = await readdir(appsDir).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  const removed = names.filter(
    (name) => !keep.has(name) && (/^[0-9a-f]{64}$/.test(name) || name.startsWith(UNFINISHED)),
  );
  for (const name of removed) await removeTree(join(appsDir, name));
  return removed;
}

async function stands(target: string, digest: string): Promise<boolean> {
  try {
    return (await digestAppFolder(target)) === digest;
  } catch {
    return false; // absent, or no longer an app folder: either way to be placed
  }
}

async function copyInto(app: LoadedPackage, temporary: string): Promise<void> {
  const folders: string[] = [];
  const digest = await digestAppFolder(app.dir, async (entry: AppEntry, chunks) => {
    const path = join(temporary, entry.path);
    if (entry.kind === 'folder') {
      await mkdir(path, { mode: 0o700 });
      folders.push(path);
      return;
    }
    const file = await open(path, 'wx', 0o600);
    try {
      for await (const chunk of chunks) await file.writeFile(chunk);
      await file.chmod(entry.executable ? 0o555 : 0o444);
      await file.sync();
    } finally {
      await file.close();
    }
  });
  if (digest !== app.digest) throw changed(app.dir, '.');
  for (const folder of folders.reverse()) await chmod(folder, 0o555);
  await chmod(temporary, 0o555);
  await syncFolder(temporary);
}

async function putInPlace(temporary: string, target: string, digest: string): Promise<void> {
  try {
    await rename(temporary, target);
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY') && !hasCode(error, 'EEXIST') && !hasCode(error, 'ENOTDIR')) throw error;
    if (await stands(target, digest)) {
      await removeTree(temporary); // another placed it meanwhile
      return;
    }
    // Changed behind our back: move it aside, so that there is never half of an app under this name.
    const aside = `${temporary}.old`;
    await rename(target, aside);
    await rename(temporary, target);
    await removeTree(aside);
  }
  await syncFolder(join(target, '..'));
}

/** As root the read-only modes are no obstacle; `rm` does not follow links. */
async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
