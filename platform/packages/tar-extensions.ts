import { strictText, TarFault } from './tar-header.ts';

/** Longest path of an entry or a link in bytes (Linux PATH_MAX, without the NUL). */
export const MAX_PATH_BYTES = 4095;

/** What an extended header (GNU `L`/`K`, pax `x`) says of the entry that follows it. */
export interface TarExtension {
  path?: string;
  linkPath?: string;
  size?: number;
  uid?: number;
  gid?: number;
}

/** Content of a GNU long name (`L`) or long link (`K`) entry: a path and exactly one NUL at its end. */
export function parseLongName(content: Buffer): string {
  const nul = content.indexOf(0);
  if (nul !== content.length - 1) throw new TarFault('a GNU long name that does not end with its only NUL');
  if (nul === 0) throw new TarFault('an empty GNU long name');
  return strictText(content.subarray(0, nul), 'the GNU long name');
}

/** Facts that change neither where an entry lands nor what it may do. */
const IGNORED = new Set(['mtime', 'atime', 'ctime', 'uname', 'gname']);

/**
 * Content of a pax extended header (POSIX.1-2017, pax): records `<length> <key>=<value>\n`.
 * Keys that are not known are refused: sparse files and extended attributes (file capabilities) among them.
 */
export function parsePax(content: Buffer): TarExtension {
  const extension: TarExtension = {};
  const seen = new Set<string>();
  let at = 0;
  while (at < content.length) {
    const space = content.indexOf(0x20, at);
    const digits = space === -1 ? '' : content.toString('latin1', at, space);
    const length = /^[1-9]\d{0,5}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    if (length === 0 || end > content.length || space + 1 >= end || content[end - 1] !== 0x0a) {
      throw new TarFault('a pax record with a wrong length');
    }
    const record = strictText(content.subarray(space + 1, end - 1), 'a pax record');
    const equals = record.indexOf('=');
    if (equals <= 0) throw new TarFault('a pax record without a key');
    const key = record.slice(0, equals);
    const value = record.slice(equals + 1);
    if (seen.has(key)) throw new TarFault(`the pax key ${key} twice`);
    seen.add(key);
    if (value === '' || value.includes('\0')) throw new TarFault(`a pax ${key} that is empty or holds a NUL`);
    apply(extension, key, value);
    at = end;
  }
  return extension;
}

function apply(extension: TarExtension, key: string, value: string): void {
  switch (key) {
    case 'path':
      extension.path = value;
      break;
    case 'linkpath':
      extension.linkPath = value;
      break;
    case 'size':
    case 'uid':
    case 'gid':
      if (!/^\d{1,15}$/.test(value)) throw new TarFault(`a pax ${key} that is not a number`);
      extension[key] = Number(value);
      break;
    default:
      if (!IGNORED.has(key)) throw new TarFault(`the pax key ${key.slice(0, 60)}`);
  }
}
