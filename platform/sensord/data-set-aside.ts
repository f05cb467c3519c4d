import { lstat, opendir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataCopy, DataSource } from '../data/index.ts';
import { hasCode, sitePaths, type Site } from '../kernel/index.ts';

/** Entries of one folder that are measured; of more, the size is a lower bound. */
const MAX_ENTRIES = 10_000;
/** Folders that are listed. */
const MAX_FOLDERS = 200;

interface Place {
  dir: string;
  names: RegExp;
  copy: string;
  what: string;
  policy: string;
}

/** What was damaged and is kept for whoever wants to look: it can be neither searched nor purged, so it is named every time. */
export function setAsideSource(site: Site): DataSource {
  const paths = sitePaths(site);
  const places: Place[] = [
    {
      dir: join(paths.busDir, 'quarantine'),
      names: /^[\w.-]{1,120}$/,
      copy: 'set-aside/bus',
      what: 'damaged parts of a stream',
      policy: 'no limit by age: bounded by number and size, the oldest go first',
    },
    {
      dir: join(paths.mountsDir, 'platform.events', 'data'),
      names: /^damaged-[\w.-]{1,100}$/,
      copy: 'set-aside/event-store',
      what: 'an event store that was damaged',
      policy: 'no limit by age: the newest one is kept',
    },
  ];
  const folders = async (): Promise<{ place: Place; name: string }[]> =>
    (
      await Promise.all(places.map(async (place) => (await list(place)).map((name) => ({ place, name }))))
    ).flat();
  return {
    name: 'set-aside',
    copies: async () => Promise.all((await folders()).map(({ place, name }) => copyOf(place, name))),
    find: async () =>
      (await folders()).map(({ place, name }) => ({
        copy: `${place.copy}/${name}`,
        records: 0,
        basis: 'measured' as const,
        complete: false,
        note: 'damaged: it was not looked through',
      })),
    purge: async () =>
      (await folders()).map(({ place, name }) => ({
        copy: `${place.copy}/${name}`,
        deleted: 0,
        basis: 'measured' as const,
        note: `damaged: single records cannot be deleted; remove ${join(place.dir, name)} as a whole`,
      })),
  };
}

async function list({ dir, names }: Place): Promise<string[]> {
  try {
    return (await readdir(dir))
      .filter((name) => names.test(name))
      .sort()
      .slice(0, MAX_FOLDERS);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

async function copyOf({ dir, copy, what, policy }: Place, name: string): Promise<DataCopy> {
  return {
    copy: `${copy}/${name}`,
    kind: 'set-aside',
    what,
    where: join(dir, name),
    holder: 'platform',
    measured: await extentOf(join(dir, name)),
    policy: { text: policy },
    readers: [],
    goesTo: [],
  };
}

/** Size, and when the file was last written that was not written for longest. No link is followed: it belonged to another user. */
async function extentOf(folder: string): Promise<{ bytes: number; oldest?: string; newest?: string }> {
  let bytes = 0;
  let [oldestMs, newestMs] = [Infinity, -Infinity];
  let seen = 0;
  for await (const entry of await opendir(folder, { recursive: true })) {
    seen += 1;
    if (seen > MAX_ENTRIES) break;
    const facts = entry.isFile()
      ? await lstat(join(entry.parentPath, entry.name)).catch(() => undefined)
      : undefined;
    if (facts?.isFile() !== true) continue;
    bytes += facts.size;
    oldestMs = Math.min(oldestMs, facts.mtimeMs);
    newestMs = Math.max(newestMs, facts.mtimeMs);
  }
  if (!(oldestMs > 0 && newestMs < 253_402_300_800_000)) return { bytes };
  return { bytes, oldest: new Date(oldestMs).toISOString(), newest: new Date(newestMs).toISOString() };
}
