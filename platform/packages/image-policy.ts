import { MAX_PATH_BYTES } from './tar-extensions.ts';
import { TarFault } from './tar-header.ts';
import type { TarEntry } from './tar-reader.ts';

/** What an image may at most hold. */
export interface ImageLimits {
  /** Files, folders and links. */
  entries: number;
  /** Sum of the content of all files. */
  unpackedBytes: number;
  /** The archive itself. */
  archiveBytes: number;
  /** The whole check. */
  timeoutMs: number;
}

export const IMAGE_LIMITS: ImageLimits = Object.freeze({
  entries: 200_000,
  unpackedBytes: 4 * 1024 ** 3,
  archiveBytes: 2 * 1024 ** 3,
  timeoutMs: 300_000,
});

/** Thrown when a limit is passed; becomes PACKAGES_IMAGE_TOO_LARGE. */
export class LimitFault extends Error {}

/** A container has 65,536 ids; LXD maps no others. */
const MAX_ID = 65_535;
const SETUID_OR_SETGID = 0o6000;

/**
 * Folders onto which the host mounts something, or which LXD looks into: never a link, or the host would follow it.
 */
const MOUNT_POINTS = [
  'rootfs/dev',
  'rootfs/proc',
  'rootfs/sys',
  'rootfs/tmp',
  'rootfs/etc',
  'rootfs/run/bulkhead',
  'rootfs/run/instrument',
  'rootfs/opt/instrument',
  'rootfs/var/lib/instrument',
];

type Kind = 'file' | 'folder' | 'symlink';

/**
 * Decides entry by entry whether LXD and GNU tar, both running as root on the host, may be given an image archive.
 * Accepted is `metadata.yaml` and the tree `rootfs/`: regular files, folders, symbolic links (they mean something only
 * inside of the container, so nothing may be written *through* one) and hard links to files of the same tree.
 * Not templates (LXD would render them as root), not devices, not setuid.
 */
export class ImagePolicy {
  readonly #kinds = new Map<string, Kind>();
  readonly #limits: ImageLimits;
  readonly #never: ReadonlySet<string>;
  #entries = 0;
  #bytes = 0;

  constructor(limits: ImageLimits) {
    this.#limits = limits;
    this.#never = new Set(MOUNT_POINTS.flatMap((path) => [path, ...ancestors(path)]));
  }

  get entries(): number {
    return this.#entries;
  }

  /**
   * Takes one entry in, or refuses it.
   * @returns its path without `./` and without a slash at the end; empty for the top folder itself
   * @throws TarFault, LimitFault
   */
  admit(entry: TarEntry): string {
    this.#entries += 1;
    if (this.#entries > this.#limits.entries) {
      throw new LimitFault(`more than ${String(this.#limits.entries)} entries`);
    }
    this.#bytes += entry.size;
    if (this.#bytes > this.#limits.unpackedBytes) {
      throw new LimitFault(`more than ${String(this.#limits.unpackedBytes)} bytes when unpacked`);
    }
    const kind = kindOf(entry);
    const path = plainPath(entry.path, kind === 'folder');
    if (path === '') {
      if (kind !== 'folder' || this.#kinds.has('')) throw new TarFault('the top of the archive twice');
      this.#kinds.set('', 'folder');
      return path;
    }
    this.#checkPlace(path, kind);
    if (entry.type === '1') this.#checkHardLink(entry);
    if (kind === 'symlink') checkLinkText(entry.linkPath);
    else if (entry.type !== '1' && entry.linkPath !== '') throw new TarFault('a link name on something else');
    if (kind === 'file' && (entry.mode & SETUID_OR_SETGID) !== 0)
      throw new TarFault('a setuid or setgid file');
    if (entry.mode > 0o7777) throw new TarFault('a mode out of range');
    if (entry.uid > MAX_ID || entry.gid > MAX_ID)
      throw new TarFault('an owner beyond the ids of a container');
    this.#kinds.set(path, kind);
    return path;
  }

  /** Everything was admitted: is it an image at all? @throws TarFault */
  finish(): void {
    if (this.#kinds.get('metadata.yaml') !== 'file') throw new TarFault('no metadata.yaml');
    if (this.#kinds.get('rootfs') !== 'folder') throw new TarFault('no folder rootfs');
  }

  #checkPlace(path: string, kind: Kind): void {
    if (this.#kinds.has(path)) throw new TarFault('a second entry of this name');
    if (path === 'metadata.yaml') {
      if (kind !== 'file') throw new TarFault('metadata.yaml that is not a file');
      return;
    }
    if (path === 'rootfs') {
      if (kind !== 'folder') throw new TarFault('rootfs that is not a folder');
      return;
    }
    if (!path.startsWith('rootfs/')) throw new TarFault('something beside metadata.yaml and rootfs');
    // Each folder on the way must have come before, as a folder: then no entry is written through a link, and no later
    // entry can turn a folder that tar made by itself into a link.
    const parent = path.slice(0, path.lastIndexOf('/'));
    const parentKind = this.#kinds.get(parent);
    if (parentKind === undefined) throw new TarFault('an entry before its folder');
    if (parentKind !== 'folder') throw new TarFault(`an entry below a ${parentKind}`);
    if (kind !== 'folder' && this.#never.has(path)) throw new TarFault('a mount point that is not a folder');
  }

  #checkHardLink(entry: TarEntry): void {
    const target = plainPath(entry.linkPath, false);
    if (!target.startsWith('rootfs/')) throw new TarFault('a hard link out of rootfs');
    if (this.#kinds.get(target) !== 'file')
      throw new TarFault('a hard link to something that is no earlier file');
  }
}

function kindOf(entry: TarEntry): Kind {
  if (entry.type !== '0' && entry.size !== 0) throw new TarFault('content on something that is not a file');
  switch (entry.type) {
    case '0':
    case '1':
      if (entry.path.endsWith('/')) throw new TarFault('a file with the name of a folder');
      return 'file';
    case '2':
      return 'symlink';
    case '5':
      return 'folder';
    case '3':
    case '4':
      throw new TarFault('a device');
    case '6':
      throw new TarFault('a named pipe');
    case 'g':
      throw new TarFault('a global extended header');
    case 'S':
      throw new TarFault('a sparse file');
    default:
      throw new TarFault(`an entry of the unknown type ${JSON.stringify(entry.type)}`);
  }
}

/** `./rootfs/etc/` → `rootfs/etc`. @throws TarFault for anything that needs thought. */
function plainPath(raw: string, folder: boolean): string {
  if (folder && (raw === './' || raw === '.')) return '';
  let path = raw.startsWith('./') ? raw.slice(2) : raw;
  if (folder && path.endsWith('/')) path = path.slice(0, -1);
  if (path.startsWith('/')) throw new TarFault('an absolute path');
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw new TarFault('a path longer than Linux allows');
  if (hasControlCharacter(path)) throw new TarFault('control characters in a path');
  for (const part of path.split('/')) {
    if (part === '..') throw new TarFault('.. in a path');
    if (part === '' || part === '.') throw new TarFault('an empty part in a path');
    if (Buffer.byteLength(part) > 255) throw new TarFault('a name longer than 255 bytes');
  }
  return path;
}

function checkLinkText(target: string): void {
  if (target === '') throw new TarFault('a symbolic link to nothing');
  if (Buffer.byteLength(target) > MAX_PATH_BYTES)
    throw new TarFault('a symbolic link longer than Linux allows');
  if (hasControlCharacter(target)) throw new TarFault('control characters in a symbolic link');
}

function hasControlCharacter(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

function ancestors(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}
