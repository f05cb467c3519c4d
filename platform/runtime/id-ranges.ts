import { readFile } from 'node:fs/promises';

/** A run of host ids. */
export interface IdRange {
  /** Whose it is, for people: `/etc/subuid: alice`, `container suricata`. */
  owner: string;
  first: number;
  count: number;
}

/** Ids that each container gets. */
export const IDS_PER_CONTAINER = 65_536;

/** Users in subuid/subgid whose ranges LXD hands out. */
const LXD_USERS: readonly string[] = ['root', '_lxd', 'lxd'];

/** Lines `user:first:count` of /etc/subuid or /etc/subgid (subuid(5)); others are skipped. */
export function parseSubIds(text: string, file: string): IdRange[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([^:#\s]+):(\d{1,10}):(\d{1,10})$/.exec(line.trim());
    if (match === null) return [];
    return [{ owner: `${file}: ${match[1] ?? ''}`, first: Number(match[2]), count: Number(match[3]) }];
  });
}

/** True when the two share an id. */
export function overlaps(a: IdRange, b: IdRange): boolean {
  return a.first < b.first + b.count && b.first < a.first + a.count;
}

/** Every pair of ranges of different owners that share an id, in words. */
export function collisions(ranges: readonly IdRange[]): string[] {
  const found: string[] = [];
  ranges.forEach((a, index) => {
    for (const b of ranges.slice(index + 1)) {
      if (a.owner !== b.owner && overlaps(a, b)) found.push(`${words(a)} overlaps ${words(b)}`);
    }
  });
  return found;
}

/** Ranges that belong to others than LXD on this machine: sub ids of its users, and the users themselves. */
export async function foreignRanges(files: IdFiles): Promise<IdRange[]> {
  const [subuid, subgid, passwd, group] = await Promise.all(
    [files.subuid, files.subgid, files.passwd, files.group].map((path) =>
      readFile(path, 'utf8').catch(() => ''),
    ),
  );
  const sub = [...parseSubIds(subuid ?? '', files.subuid), ...parseSubIds(subgid ?? '', files.subgid)].filter(
    (range) => !LXD_USERS.some((user) => range.owner.endsWith(`: ${user}`)),
  );
  return [...sub, ...accounts(passwd ?? '', files.passwd), ...accounts(group ?? '', files.group)];
}

/** Where ranges that LXD hands to containers overlap somebody else's on this machine, in words; empty = nowhere. */
export async function hostCollisions(files: IdFiles): Promise<string[]> {
  const own: IdRange[] = [];
  for (const path of [files.subuid, files.subgid]) {
    const ranges = parseSubIds(await readFile(path, 'utf8').catch(() => ''), path);
    own.push(...ranges.filter((range) => range.owner.endsWith(': root')));
  }
  const others = await foreignRanges(files);
  return own.flatMap((range) =>
    others
      .filter((other) => overlaps(range, other))
      .map((other) => `${words(range)} overlaps ${words(other)}`),
  );
}

/** Files that say who has which ids. */
export interface IdFiles {
  readonly subuid: string;
  readonly subgid: string;
  readonly passwd: string;
  readonly group: string;
}

/** The machine's own. */
export const ID_FILES: IdFiles = Object.freeze({
  subuid: '/etc/subuid',
  subgid: '/etc/subgid',
  passwd: '/etc/passwd',
  group: '/etc/group',
});

/** Third field of passwd(5) and group(5). */
function accounts(text: string, file: string): IdRange[] {
  return text.split('\n').flatMap((line) => {
    const [name, , id] = line.split(':');
    if (name === undefined || id === undefined || !/^\d{1,10}$/.test(id)) return [];
    return [{ owner: `${file}: ${name}`, first: Number(id), count: 1 }];
  });
}

function words(range: IdRange): string {
  return `${range.owner} (${String(range.first)}-${String(range.first + range.count - 1)})`;
}
