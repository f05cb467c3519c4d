import { lstat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BulkheadError } from '../kernel/index.ts';
import type { Manifest } from '../contracts/index.ts';
import { digestAppFolder } from './app-folder.ts';
import { MANIFEST_FILE, readManifest } from './manifest-file.ts';

/** A validated package: an app folder with its manifest. */
export interface LoadedPackage {
  readonly manifest: Manifest;
  /** Absolute path of the folder that was read. */
  readonly dir: string;
  /** SHA-256 over the folder's content, as 64 hex digits. */
  readonly digest: string;
}

/**
 * Reads and validates the package in `dir` (an app folder as `scripts/build` makes it) without changing anything.
 * @throws BulkheadError PACKAGES_MANIFEST_*, PACKAGES_FOLDER_REFUSED, PACKAGES_FOLDER_CHANGED
 */
export async function loadPackage(dir: string): Promise<LoadedPackage> {
  const at = resolve(dir);
  const isFolder = await lstat(at).then(
    (stat) => stat.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    throw new BulkheadError({
      code: 'PACKAGES_MANIFEST_UNREADABLE',
      message: `${at} is not a folder with an app and its ${MANIFEST_FILE}.`,
      hint: 'Run scripts/build, or name the folder of a package.',
      fields: { dir: at },
    });
  }
  const manifest = await readManifest(at);
  return Object.freeze({ manifest, dir: at, digest: await digestAppFolder(at) });
}
