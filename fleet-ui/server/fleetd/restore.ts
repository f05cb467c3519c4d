import Database from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BulkheadError, describeError, openLog, writeFileAtomic } from '@bulkhead/platform/kernel';
import { bindingOption, copyDatabase, openStore, STORE_FILE, type Migration } from '../store/index.ts';
import { CONFIG_ENTRY, flush, folderFor, openBackup, type ReadBackup } from './backup.ts';
import { noteBackup } from './backup-note.ts';
import { readConfig } from './config.ts';
import { ownStateDir } from './state-dir.ts';

/** What was restored. */
export interface Restored {
  stateDir: string;
  made: string;
  version: string;
  /** The configuration was missing and is now the backup's. */
  configWritten: boolean;
}

/** Statements that take back what must not come to life again, e.g. sessions that were ended since. */
export interface AfterRestore {
  room: string;
  sql: string;
}

/** Until everything is in place; whatever is found under this name was broken off. */
const WORK = '.restoring';

/**
 * Makes an empty state folder into the fleet that a backup holds. The database is put in place last: until then there is no
 * fleet that could be started.
 * @throws BulkheadError FLEET_FLEETD_BACKUP_UNREADABLE, FLEET_FLEETD_RESTORE_REFUSED, FLEET_FLEETD_RESTORE_FAILED
 */
export async function restoreBackup(options: {
  from: string;
  configFile: string;
  migrations: readonly Migration[];
  after: readonly AfterRestore[];
}): Promise<Restored> {
  const backup = openBackup(options.from);
  try {
    const configWritten = await provideConfig(options.configFile, backup);
    const { stateDir } = await readConfig(options.configFile);
    await ownStateDir(stateDir);
    // What an attempt that was broken off left is ours to remove; anything else is somebody's.
    await rm(join(stateDir, WORK), { recursive: true, force: true });
    const there = await readdir(stateDir);
    if (there.length > 0) throw refused(stateDir, there[0] ?? '');
    try {
      await fill(stateDir, backup, options);
    } catch (error) {
      if (error instanceof BulkheadError) throw error;
      throw failed(stateDir, error);
    }
    const { made } = backup.about;
    await noteBackup(stateDir, {
      at: made,
      file: resolve(options.from),
      bytes: (await stat(options.from)).size,
    });
    return { stateDir, ...backup.about, configWritten };
  } finally {
    backup.db.close();
  }
}

async function provideConfig(file: string, backup: ReadBackup): Promise<boolean> {
  const config = backup.files.get(CONFIG_ENTRY);
  if (existsSync(file) || config === undefined) return false;
  await folderFor(file);
  await writeFileAtomic(file, config, 0o600);
  return true;
}

async function fill(
  stateDir: string,
  backup: ReadBackup,
  options: { migrations: readonly Migration[]; after: readonly AfterRestore[] },
): Promise<void> {
  const work = join(stateDir, WORK);
  await mkdir(work, { mode: 0o700 });
  const folders = new Set<string>();
  for (const [name, data] of backup.files) {
    const [folder = '', file] = name.split('/');
    if (file === undefined) continue;
    if (!folders.has(folder)) await mkdir(join(work, folder), { mode: 0o700 });
    folders.add(folder);
    await writeFile(join(work, name), data, { mode: 0o600, flush: true });
  }
  const file = join(work, STORE_FILE);
  await copyDatabase(backup.db, file);
  prepare(file, work, options);
  await chmod(file, 0o600);
  await rm(join(work, 'fleet.lock'), { force: true });
  for (const folder of folders) {
    await flush(join(work, folder));
    await rename(join(work, folder), join(stateDir, folder));
  }
  await flush(file);
  await rename(file, join(stateDir, STORE_FILE));
  await rm(work, { recursive: true, force: true });
  await flush(stateDir);
}

/** Takes the backup's own tables out again, brings the rest up to date, and ends what must not live on. */
function prepare(
  file: string,
  dir: string,
  options: { migrations: readonly Migration[]; after: readonly AfterRestore[] },
): void {
  const db = new Database(file, bindingOption());
  db.exec('DROP TABLE backup_about; DROP TABLE backup_files; PRAGMA application_id = 0');
  db.close();
  const store = openStore({ dir, migrations: options.migrations, log: openLog('fleetd', 'warn') });
  try {
    for (const { sql } of options.after) store.db.exec(sql);
    // Keys stood in the rows that were dropped.
    store.db.exec('VACUUM');
  } finally {
    store.close();
  }
}

function refused(stateDir: string, name: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_FLEETD_RESTORE_REFUSED',
    message: `${stateDir} is not empty: it holds ${name}`,
    hint: 'Nothing is overwritten. Move what is there to another place, then restore.',
    fields: { path: stateDir },
  });
}

function failed(stateDir: string, cause: unknown): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_FLEETD_RESTORE_FAILED',
    message: `The backup could not be restored into ${stateDir}: ${describeError(cause)}`,
    fields: { path: stateDir },
    cause,
  });
}
