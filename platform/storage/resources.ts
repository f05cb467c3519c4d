import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, chown, mkdir, open, readdir, readlink, rename, rm, type FileHandle } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { BulkheadError, hasCode } from '../kernel/index.ts';
import { syncFolder } from './key-file.ts';

const MAX_FILE_BYTES = 64 << 20;
const MAX_FILES = 64;
const CHUNK_BYTES = 1 << 20;
const FILE_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
/** Starts with a dot, so no resource can have such a name. */
const TEMPORARY = '.incoming-';

export interface PlacedResources {
  /** The folder to mount read-only in the container; always the same one, so a mount of it sees every change. */
  path: string;
  /** Did the content of any file change, appear or go? */
  changed: boolean;
  /** SHA-256 over names and contents, hex. */
  digest: string;
}

export interface ResourceRules {
  /** Host gid of the container's program: files are root's, and readable by this group. */
  ownerGroupId: number;
  /** Folders whose files may not be given away: the sensor's keys and what instruments wrote. */
  forbidden: readonly string[];
  /** Files that were delivered and stay; none has the name of one of the operator's. */
  kept?: readonly { as: string; sha256: string }[];
}

/**
 * Makes `folder` hold exactly these files, and what was delivered. All sources are read before anything changes; then each file appears by
 * an atomic rename inside the folder, which may be mounted in a running container. A reader sees the old or the new
 * content of a file, never a part; several files change one after another.
 * @throws BulkheadError STORAGE_RESOURCE_REFUSED naming the file; the folder is as it was.
 */
export async function placeResources(
  folder: string,
  files: Readonly<Record<string, string>>,
  rules: ResourceRules,
): Promise<PlacedResources> {
  const names = Object.keys(files).sort();
  const { kept = [] } = rules;
  if (names.length > MAX_FILES) throw refused('/', `there are more than ${String(MAX_FILES)} files`);
  await mkdir(folder, { recursive: true });
  await chown(folder, 0, rules.ownerGroupId);
  await chmod(folder, 0o750);
  const incoming: { name: string; temporary: string; sha256: string }[] = [];
  try {
    for (const name of names) {
      const temporary = join(folder, `${TEMPORARY}${randomBytes(6).toString('hex')}`);
      incoming.push({ name, temporary, sha256: '' });
      const sha256 = await copyIn(name, files[name] ?? '', temporary, rules);
      incoming.splice(-1, 1, { name, temporary, sha256 });
    }
    let changed = false;
    for (const { name, temporary, sha256 } of incoming) {
      const target = join(folder, name);
      if ((await fileDigest(target)) !== sha256) changed = true;
      await rename(temporary, target);
    }
    for (const { as } of kept) await giveToReader(join(folder, as), rules.ownerGroupId);
    // Also sweeps what a crash left under a temporary name.
    for (const name of await readdir(folder)) {
      if (names.includes(name) || kept.some(({ as }) => as === name)) continue;
      if (!name.startsWith(TEMPORARY)) changed = true;
      await rm(join(folder, name), { recursive: true, force: true });
    }
    await syncFolder(folder);
    const digest = createHash('sha256');
    const delivered = kept.map(({ as, sha256 }) => ({ name: as, sha256 }));
    for (const { name, sha256 } of [...incoming, ...delivered].sort((a, b) => (a.name < b.name ? -1 : 1)))
      digest.update(`${name}\0${sha256}\n`);
    return { path: folder, changed, digest: digest.digest('hex') };
  } catch (error) {
    for (const { temporary } of incoming) await rm(temporary, { force: true });
    throw error;
  }
}

/** The receiver's container may have got other ids since the file was delivered. */
async function giveToReader(path: string, groupId: number): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await file.chown(0, groupId);
    await file.chmod(0o640);
  } finally {
    await file.close();
  }
}

async function copyIn(
  name: string,
  source: string,
  temporary: string,
  rules: ResourceRules,
): Promise<string> {
  if (!FILE_NAME.test(name))
    throw refused(name, 'its name must be 1-63 characters of a-z, 0-9, ".", "_", "-"');
  if (!isAbsolute(source)) throw refused(name, `${source} is not an absolute path`);
  let from: FileHandle;
  try {
    // Links are followed, as an operator's own files may be links; NONBLOCK: a FIFO must not hang the sensor.
    from = await open(source, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    throw refused(name, `${source} cannot be opened`, cause);
  }
  try {
    const facts = await from.stat();
    if (!facts.isFile()) throw refused(name, `${source} is not a regular file`);
    if (facts.size > MAX_FILE_BYTES) throw refused(name, `${source} is larger than 64 MiB`);
    // Where the open file really is, after all links.
    const real = await readlink(`/proc/self/fd/${String(from.fd)}`);
    if (rules.forbidden.some((folder) => real === folder || real.startsWith(`${folder}/`))) {
      throw refused(name, `${source} lies in the sensor's own folders`);
    }
    const hash = createHash('sha256');
    const to = await open(temporary, 'wx', 0o640);
    try {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      for (let total = 0; ;) {
        const { bytesRead } = await from.read(chunk, 0, chunk.length, total);
        if (bytesRead === 0) break;
        total += bytesRead;
        if (total > MAX_FILE_BYTES) throw refused(name, `${source} is larger than 64 MiB`);
        hash.update(chunk.subarray(0, bytesRead));
        await to.writeFile(chunk.subarray(0, bytesRead));
      }
      await to.chown(0, rules.ownerGroupId);
      await to.chmod(0o640);
      await to.sync();
    } finally {
      await to.close();
    }
    return hash.digest('hex');
  } finally {
    await from.close();
  }
}

/** SHA-256 of a file that the platform placed; undefined when there is none. */
async function fileDigest(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    const hash = createHash('sha256');
    for await (const chunk of file.createReadStream()) hash.update(chunk as Buffer);
    return hash.digest('hex');
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ELOOP') || hasCode(error, 'EISDIR')) return undefined;
    throw error;
  }
}

function refused(name: string, why: string, cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_RESOURCE_REFUSED',
    message: `The resource ${JSON.stringify(name)} was not placed: ${why}.`,
    hint: "Name a regular file of at most 64 MiB outside the sensor's own folders.",
    fields: { file: name },
    ...(cause === undefined ? {} : { cause }),
  });
}
