import { RulesError } from '../errors.ts';

/** A regular file of an archive whose name is of interest. */
export interface TarMember {
  /** Last part of its name, for people. It is never used as a path. */
  name: string;
  bytes: Buffer;
}

export interface TarBounds {
  maxMembers: number;
  maxMemberBytes: number;
}

const BLOCK = 512;
const REGULAR: ReadonlySet<number> = new Set([0, 0x30]);
/** Long names and extended headers: their contents are passed over. */
const PASSED: ReadonlySet<string> = new Set(['L', 'K', 'x', 'g', 'V', '5', '1', '2', '3', '4', '6', '7']);

/** Whether bytes begin like a tar archive (POSIX or GNU; a v7 archive has no mark). */
export function isTar(bytes: Buffer): boolean {
  return bytes.length >= BLOCK && bytes.toString('latin1', 257, 262) === 'ustar';
}

/**
 * The regular files of an archive that `wanted` says yes to. Links, devices and folders are passed over, names are not used as
 * paths, nothing is written anywhere.
 * @throws RulesError RULES_ARCHIVE_BROKEN, RULES_ARCHIVE_BOMB
 */
export function readTar(archive: Buffer, wanted: (name: string) => boolean, bounds: TarBounds): TarMember[] {
  const members: TarMember[] = [];
  let seen = 0;
  for (let at = 0; ;) {
    if (at + BLOCK > archive.length) throw broken('it ends without its end mark');
    const header = archive.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return members;
    seen += 1;
    if (seen > bounds.maxMembers) {
      throw new RulesError(
        'RULES_ARCHIVE_BOMB',
        `The archive has more than ${String(bounds.maxMembers)} members.`,
      );
    }
    if (!sumFits(header)) throw broken(`the header of member ${String(seen)} is damaged`);
    const size = sizeOf(header);
    if (size === undefined) throw broken(`the size of member ${String(seen)} is no number`);
    const start = at + BLOCK;
    if (start + size > archive.length) throw broken(`member ${String(seen)} is longer than the archive`);
    const type = header[156] ?? 0;
    const name = lastPart(textOf(header, 0, 100));
    if (REGULAR.has(type) && wanted(name)) {
      if (size > bounds.maxMemberBytes) {
        throw new RulesError(
          'RULES_ARCHIVE_BOMB',
          `${name} has more than ${String(bounds.maxMemberBytes)} bytes.`,
        );
      }
      members.push({ name, bytes: archive.subarray(start, start + size) });
    } else if (!REGULAR.has(type) && !PASSED.has(String.fromCharCode(type))) {
      throw broken(`member ${String(seen)} is of an unknown type`);
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
}

function broken(why: string): RulesError {
  return new RulesError('RULES_ARCHIVE_BROKEN', `The archive cannot be read: ${why}.`);
}

/** Octal, as POSIX has it; undefined = anything else, also GNU's binary sizes, which are for files of 8 GiB and more. */
function sizeOf(header: Buffer): number | undefined {
  const text = textOf(header, 124, 12).trim();
  return /^[0-7]{1,11}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function sumFits(header: Buffer): boolean {
  const said = /^\s*([0-7]{1,8})/.exec(textOf(header, 148, 8))?.[1];
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at += 1) if (at < 148 || at >= 156) sum += header[at] ?? 0;
  return said !== undefined && Number.parseInt(said, 8) === sum;
}

function textOf(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end === -1 ? length : end);
}

function lastPart(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 63);
}
