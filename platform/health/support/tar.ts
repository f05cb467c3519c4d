/** One file of an archive. */
export interface TarFile {
  /** Relative, with `/`, at most 100 bytes of ASCII. */
  path: string;
  data: Buffer;
}

const BLOCK = 512;

/** A tar archive (POSIX ustar, https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html) of plain files, mode 0600. */
export function tarOf(files: readonly TarFile[], madeAt: Date): Buffer {
  const blocks = files.flatMap(({ path, data }) => [
    headerOf(path, data.length, madeAt),
    data,
    Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK),
  ]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function headerOf(path: string, size: number, madeAt: Date): Buffer {
  if (!/^[\x21-\x7e]{1,100}$/.test(path)) throw new Error(`not a name for a tar archive: ${path}`);
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number) =>
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  header.write(path, 0, 'latin1');
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(Math.floor(madeAt.getTime() / 1000), 136, 12);
  header.write('        ', 148, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.write('root', 265, 'latin1');
  header.write('root', 297, 'latin1');
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  header.write(' ', 155, 'latin1');
  return header;
}
