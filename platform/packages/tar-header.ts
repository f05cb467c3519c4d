/** Size of a tar block in bytes (POSIX.1-2017, pax, "ustar Interchange Format"). */
export const BLOCK_BYTES = 512;

export type TarFormat = 'v7' | 'ustar' | 'gnu';

/** One 512-byte header as it stands in the archive, before any extension is applied. */
export interface TarHeader {
  format: TarFormat;
  name: string;
  linkName: string;
  /** One character; NUL of old archives is given as `0`. */
  type: string;
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of content that follow, without padding. */
  size: number;
}

/** Why a header is refused. Becomes PACKAGES_IMAGE_REFUSED with the entry's name. */
export class TarFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TarFault';
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Decodes bytes that must be UTF-8. */
export function strictText(bytes: Uint8Array, what: string): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new TarFault(`${what} is not UTF-8 (${String(cause)})`);
  }
}

/**
 * Parses a header strictly. Tar programs differ in what they make of unusual headers (a byte after the NUL of a name, a
 * number in base 256, a prefix in a GNU header), and such a difference is how an archive shows one tree to the checker
 * and another to the program that unpacks it. So whatever is not plain is refused, not interpreted.
 * @returns undefined for a block of zeros (end of archive).
 * @throws TarFault
 */
export function parseTarHeader(block: Buffer): TarHeader | undefined {
  if (isZero(block, 0, BLOCK_BYTES)) return undefined;
  const stored = octal(block, 148, 8, 'checksum');
  let sum = 8 * 0x20; // the checksum field itself counts as spaces
  for (let at = 0; at < BLOCK_BYTES; at++) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  if (sum !== stored) throw new TarFault('the header has a wrong checksum');

  const format = formatOf(block);
  const type = block[156] === 0 ? '0' : String.fromCharCode(block[156] ?? 0);
  const name = text(block, 0, 100, 'name');
  const prefix = format === 'ustar' ? text(block, 345, 155, 'prefix') : '';
  if (format === 'gnu' && !isZero(block, 345, BLOCK_BYTES)) {
    throw new TarFault('a GNU header with times, sparse maps or a prefix');
  }
  return {
    format,
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100, 'link name'),
    type,
    mode: octal(block, 100, 8, 'mode'),
    uid: octal(block, 108, 8, 'uid'),
    gid: octal(block, 116, 8, 'gid'),
    size: octal(block, 124, 12, 'size'),
  };
}

function formatOf(block: Buffer): TarFormat {
  const magic = block.toString('latin1', 257, 265);
  if (magic === 'ustar\x0000') {
    if (!isZero(block, 500, BLOCK_BYTES)) throw new TarFault('bytes after the end of a ustar header');
    return 'ustar';
  }
  if (magic === 'ustar  \0') return 'gnu';
  // GNU tar writes device numbers of zero into v7 headers, where v7 has nothing.
  const devices = /^[0 \0]*$/.test(block.toString('latin1', 329, 345));
  if (devices && isZero(block, 257, 329) && isZero(block, 345, BLOCK_BYTES)) return 'v7';
  throw new TarFault('not a header of v7, ustar, pax or GNU tar');
}

/** A NUL-padded field: nothing may follow the first NUL. */
function text(block: Buffer, at: number, length: number, what: string): string {
  const nul = block.indexOf(0, at);
  const end = nul === -1 || nul > at + length ? at + length : nul;
  if (!isZero(block, end, at + length)) throw new TarFault(`bytes hidden after the end of the ${what}`);
  return strictText(block.subarray(at, end), `the ${what}`);
}

/** Leading spaces, octal digits, then NULs or spaces; an empty field is 0. Base 256 is refused. */
function octal(block: Buffer, at: number, length: number, what: string): number {
  const field = block.toString('latin1', at, at + length);
  const match = /^ *([0-7]*)[ \0]*$/.exec(field);
  if (match === null) throw new TarFault(`the ${what} is not a plain octal number`);
  const digits = match[1] ?? '';
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

/** True when all bytes of `block` from `start` to before `end` are zero. */
export function isZero(block: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (block[at] !== 0) return false;
  return true;
}
