import Database from 'better-sqlite3';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BulkheadError, describeError } from '@bulkhead/platform/kernel';
import { NOTIFY_FOLDER } from '../notify/index.ts';
import { bindingOption, checkWhole, copyDatabase, STORE_FILE, type Db } from '../store/index.ts';
import { giveBack } from './state-dir.ts';
import { FLEETD_VERSION } from './version.ts';

/** `BHFB`: marks a SQLite file as a backup of a fleet. */
export const BACKUP_MARK = 0x42484642;
/** Folders of the state folder that go into a backup as they are. Events are not among them: they are many, and sensors keep theirs. */
const FOLDERS = ['ca', NOTIFY_FOLDER];
/** Name in a backup of what the configuration file was. */
export const CONFIG_ENTRY = 'fleetd.yaml';
const FILE_BYTES_MOST = 4 * 1024 * 1024;

/** What a backup says of itself. */
export interface BackupAbout {
  version: string;
  made: string;
  files: number;
  bytes: number;
}

/**
 * Writes a backup into a new file: a consistent copy of the database, in which keys of the CA and the configuration stand as
 * rows. fleetd may run meanwhile. What is there under the final name is whole.
 * @throws BulkheadError FLEET_FLEETD_BACKUP_EXISTS, FLEET_FLEETD_BACKUP_FAILED
 */
export async function writeBackup(options: {
  stateDir: string;
  configFile: string;
  to: string;
}): Promise<BackupAbout> {
  const to = resolve(options.to);
  const source = join(options.stateDir, STORE_FILE);
  if (existsSync(to)) throw exists(to);
  if (!existsSync(source)) throw failed(to, new Error(`there is no fleet in ${options.stateDir}`));
  const temporary = join(dirname(to), `.${basename(to)}.${randomBytes(6).toString('hex')}`);
  try {
    // Made by us with this mode before SQLite writes into it: at no moment can another read it.
    await (await open(temporary, 'wx', 0o600)).close();
    const live = new Database(source, { fileMustExist: true, readonly: true, ...bindingOption() });
    try {
      await copyDatabase(live, temporary);
    } finally {
      live.close();
      await giveBack(options.stateDir);
    }
    const about = await addFiles(temporary, options);
    await flush(temporary);
    if (existsSync(to)) throw exists(to);
    await rename(temporary, to);
    await flush(dirname(to));
    return about;
  } catch (error) {
    throw error instanceof BulkheadError ? error : failed(to, error);
  } finally {
    for (const ending of ['', '-journal', '-wal', '-shm']) await rm(`${temporary}${ending}`, { force: true });
  }
}

async function addFiles(
  backup: string,
  options: { stateDir: string; configFile: string },
): Promise<BackupAbout> {
  const entries: { name: string; data: Buffer }[] = [
    { name: CONFIG_ENTRY, data: await readFile(options.configFile) },
  ];
  for (const folder of FOLDERS) entries.push(...(await filesOf(options.stateDir, folder)));
  const db = new Database(backup, bindingOption());
  try {
    // A file of its own, without a journal beside it that could be forgotten when it is carried away.
    db.pragma('journal_mode = DELETE');
    checkWhole(db, backup);
    const about = {
      version: FLEETD_VERSION,
      made: new Date().toISOString(),
      files: entries.length,
      bytes:
        (db.pragma('page_size', { simple: true }) as number) *
        (db.pragma('page_count', { simple: true }) as number),
    };
    db.transaction(() => {
      db.exec(`CREATE TABLE backup_about (version TEXT NOT NULL, made TEXT NOT NULL) STRICT;
        CREATE TABLE backup_files (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, data BLOB NOT NULL) STRICT`);
      db.prepare('INSERT INTO backup_about VALUES (?, ?)').run(about.version, about.made);
      const insert = db.prepare('INSERT INTO backup_files VALUES (?, ?, ?)');
      for (const { name, data } of entries) insert.run(name, digest(data), data);
      db.pragma(`application_id = ${BACKUP_MARK}`);
    })();
    return about;
  } finally {
    db.close();
  }
}

/** Regular files directly in a folder of the state folder; others are not ours. */
async function filesOf(stateDir: string, folder: string): Promise<{ name: string; data: Buffer }[]> {
  const dir = join(stateDir, folder);
  const found: { name: string; data: Buffer }[] = [];
  for (const entry of existsSync(dir) ? await readdir(dir, { withFileTypes: true }) : []) {
    // Names with a dot in front are of writes that were broken off.
    if (!entry.isFile() || entry.name.startsWith('.')) continue;
    const path = join(dir, entry.name);
    if ((await lstat(path)).size > FILE_BYTES_MOST)
      throw new Error(`${path} is larger than any file of ours`);
    found.push({ name: `${folder}/${entry.name}`, data: await readFile(path) });
  }
  return found;
}

/** What a backup holds beside the database; checked. */
export interface ReadBackup {
  about: { version: string; made: string };
  files: ReadonlyMap<string, Buffer>;
  db: Db;
}

/**
 * Opens a backup for reading and checks all of it; the caller closes `db`.
 * @throws BulkheadError FLEET_FLEETD_BACKUP_UNREADABLE
 */
export function openBackup(file: string): ReadBackup {
  let db: Db | undefined;
  try {
    db = new Database(file, { fileMustExist: true, readonly: true, ...bindingOption() });
    if (db.pragma('application_id', { simple: true }) !== BACKUP_MARK)
      throw new Error('it is no backup of a fleet');
    checkWhole(db, file);
    const about = db.prepare<[], ReadBackup['about']>('SELECT version, made FROM backup_about').get();
    if (about === undefined) throw new Error('it does not say what it is');
    const rows = db
      .prepare<[], { name: string; sha256: string; data: Buffer }>(
        'SELECT name, sha256, data FROM backup_files',
      )
      .all();
    for (const { name, sha256, data } of rows) {
      if (digest(data) !== sha256) throw new Error(`${name} in it is damaged`);
      if (
        name !== CONFIG_ENTRY &&
        !FOLDERS.some((folder) => new RegExp(`^${folder}/\\w[\\w.-]{0,100}$`).test(name))
      ) {
        throw new Error(`it holds ${name}, which is no file of a fleet`);
      }
    }
    return { about, files: new Map(rows.map(({ name, data }) => [name, data])), db };
  } catch (cause) {
    db?.close();
    throw new BulkheadError({
      code: 'FLEET_FLEETD_BACKUP_UNREADABLE',
      message: `${file} cannot be restored: ${describeError(cause)}`,
      hint: 'Take another backup; nothing was changed.',
      fields: { path: file },
      cause,
    });
  }
}

/** Makes sure that what was written to a file or a folder is on the disk. */
export async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the folder of a file when it is missing. */
export async function folderFor(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
}

function digest(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

function exists(path: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_FLEETD_BACKUP_EXISTS',
    message: `${path} is there already`,
    hint: 'Name a new file: no backup is overwritten.',
    fields: { path },
  });
}

function failed(path: string, cause: unknown): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_FLEETD_BACKUP_FAILED',
    message: `The backup ${path} could not be made: ${describeError(cause)}`,
    fields: { path },
    cause,
  });
}
