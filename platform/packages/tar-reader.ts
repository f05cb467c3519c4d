import { MAX_PATH_BYTES, parseLongName, parsePax, type TarExtension } from './tar-extensions.ts';
import { BLOCK_BYTES, isZero, parseTarHeader, TarFault, type TarHeader } from './tar-header.ts';

/** A file, folder or link of the archive, with extended headers applied. */
export interface TarEntry {
  /** As written, e.g. `rootfs/etc/`. */
  path: string;
  linkPath: string;
  type: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Bytes before this entry in the unpacked stream; for messages. */
  offset: number;
  /** Reads the content, at most once, before the next entry is asked for; what is not read is skipped. */
  content(maxBytes: number): Promise<Buffer>;
}

const EXTENSION_BYTES = 64 * 1024;
/** Some programs pad an archive to a multiple of 10 KiB or more; beyond this, trailing zeros are not padding. */
const PADDING_BYTES = 1024 * 1024;

/**
 * Reads a tar stream entry by entry without keeping it. Two blocks of zeros end the archive; nothing but zeros may follow.
 * @throws TarFault for anything that is not plain v7, ustar, pax or GNU tar
 */
export async function* readTar(chunks: AsyncIterable<Buffer>): AsyncGenerator<TarEntry, void, void> {
  const input = new BlockInput(chunks);
  let extension: TarExtension = {};
  let extendedBy = new Set<string>();
  for (;;) {
    const offset = input.offset;
    const header = parseTarHeader(await input.take(BLOCK_BYTES, 'a header'));
    if (header === undefined) {
      if (extendedBy.size > 0) throw new TarFault('an extended header without an entry');
      await readEnd(input);
      return;
    }
    if (header.type === 'L' || header.type === 'K' || header.type === 'x') {
      extension = { ...extension, ...(await readExtension(input, header, extendedBy)) };
      continue;
    }
    const size = extension.size ?? header.size;
    let remaining = padded(size);
    yield {
      path: extension.path ?? header.name,
      linkPath: extension.linkPath ?? header.linkName,
      type: header.type,
      mode: header.mode,
      uid: extension.uid ?? header.uid,
      gid: extension.gid ?? header.gid,
      size,
      offset,
      content: async (maxBytes) => {
        if (size > maxBytes) throw new TarFault(`content of ${String(size)} bytes`);
        if (remaining === 0) return Buffer.alloc(0);
        remaining = 0;
        return (await input.take(padded(size), 'content')).subarray(0, size);
      },
    };
    if (remaining > 0) await input.skip(remaining);
    extension = {};
    extendedBy = new Set();
  }
}

async function readExtension(
  input: BlockInput,
  header: TarHeader,
  extendedBy: Set<string>,
): Promise<TarExtension> {
  const kind = header.type;
  // Programs disagree about which of several wins, and about a mix of the GNU and the pax way.
  if (extendedBy.has(kind) || (extendedBy.size > 0 && (kind === 'x' || extendedBy.has('x')))) {
    throw new TarFault('several extended headers that contradict each other');
  }
  extendedBy.add(kind);
  const limit = kind === 'x' ? EXTENSION_BYTES : MAX_PATH_BYTES + 1;
  if (header.size === 0 || header.size > limit) throw new TarFault('an extended header of unusual size');
  const content = (await input.take(padded(header.size), 'an extended header')).subarray(0, header.size);
  if (kind === 'x') return parsePax(content);
  return kind === 'L' ? { path: parseLongName(content) } : { linkPath: parseLongName(content) };
}

async function readEnd(input: BlockInput): Promise<void> {
  if (!isZero(await input.take(BLOCK_BYTES, 'the end of the archive'), 0, BLOCK_BYTES)) {
    throw new TarFault('one block of zeros between entries');
  }
  let padding = 0;
  for (let rest = await input.some(); rest !== undefined; rest = await input.some()) {
    padding += rest.length;
    if (padding > PADDING_BYTES || !isZero(rest, 0, rest.length)) {
      throw new TarFault('more data after the end of the archive');
    }
  }
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}

/** Hands out exact numbers of bytes of a stream of chunks. */
class BlockInput {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  offset = 0;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next bytes, as many as there are; undefined at the end. */
  async some(): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return undefined;
      this.#rest = next.value;
    }
    const all = this.#rest;
    this.#rest = Buffer.alloc(0);
    this.offset += all.length;
    return all;
  }

  async take(length: number, what: string): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const chunk = await this.#upTo(missing);
      if (chunk === undefined) throw new TarFault(`the archive ends within ${what}`);
      parts.push(chunk);
      missing -= chunk.length;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, length);
  }

  async skip(length: number): Promise<void> {
    let missing = length;
    while (missing > 0) {
      const chunk = await this.#upTo(missing);
      if (chunk === undefined) throw new TarFault('the archive ends within the content of an entry');
      missing -= chunk.length;
    }
  }

  async #upTo(length: number): Promise<Buffer | undefined> {
    const chunk = await this.some();
    if (chunk === undefined || chunk.length <= length) return chunk;
    this.#rest = chunk.subarray(length);
    this.offset -= chunk.length - length;
    return chunk.subarray(0, length);
  }
}
