import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePax } from '../../../platform/packages/tar-extensions.ts';
import { BLOCK_BYTES, parseTarHeader, TarFault } from '../../../platform/packages/tar-header.ts';
import { readTar, type TarEntry } from '../../../platform/packages/tar-reader.ts';
import {
  imageHead,
  longNameBlock,
  paxBlock,
  tarBlock,
  tarBytes,
  type TarBlock,
} from '../../support/tar-bytes.ts';

/** The stream in pieces of `size` bytes, as a file or a pipe may hand them over. */
async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function entries(bytes: Buffer, size = 4096): Promise<TarEntry[]> {
  const found: TarEntry[] = [];
  for await (const entry of readTar(pieces(bytes, size))) found.push(entry);
  return found;
}

test('names and sizes come from pax, from GNU long names, or from the header', async () => {
  const long = `rootfs/${'x'.repeat(150)}`;
  const found = await entries(
    tarBytes([
      ...imageHead(),
      paxBlock({ path: long, size: '3', mtime: '1700000000.5' }),
      { name: 'ignored', content: 'abc' },
      longNameBlock('L', long),
      { name: 'ignored', format: 'gnu' },
      longNameBlock('K', '/target'),
      { name: 'rootfs/link', type: '2', linkName: 'ignored', format: 'gnu' },
      { name: 'file', prefix: 'rootfs/in/prefix', content: 'x' },
      { name: 'rootfs/plain', format: 'v7' },
    ]),
  );
  expect(found.slice(3).map((entry) => [entry.path, entry.linkPath, entry.size])).toEqual([
    [long, '', 3],
    [long, '', 0],
    ['rootfs/link', '/target', 0],
    ['rootfs/in/prefix/file', '', 1],
    ['rootfs/plain', '', 0],
  ]);
});

test('content is read when asked for and skipped otherwise, however the stream is cut', async () => {
  const blocks: TarBlock[] = [
    { name: 'a', content: 'A'.repeat(1000) },
    { name: 'b', content: 'B'.repeat(513) },
    { name: 'c', content: 'C' },
  ];
  for (const size of [1, 7, 511, 512, 513, 100_000]) {
    const read: string[] = [];
    for await (const entry of readTar(pieces(tarBytes(blocks), size))) {
      if (entry.path === 'b') read.push((await entry.content(1000)).toString());
      else read.push(entry.path);
    }
    expect(read).toEqual(['a', 'B'.repeat(513), 'c']);
  }
});

test('content beyond what the reader wants is refused', async () => {
  for await (const entry of readTar(pieces(tarBytes([{ name: 'a', content: 'abc' }]), 512))) {
    await expect(entry.content(2)).rejects.toThrow(TarFault);
  }
});

test('whatever bytes come, the reader ends with entries or a TarFault', async () => {
  const header = tarBlock({ name: 'rootfs/x', content: 'hello' });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(header.length - 1), fc.nat(255)), { maxLength: 8 }),
      fc.boolean(),
      async (changes, keepChecksum) => {
        const bytes = Buffer.from(header);
        for (const [at, value] of changes) bytes.writeUInt8(value, at);
        if (keepChecksum) repairChecksum(bytes);
        try {
          await entries(Buffer.concat([bytes, Buffer.alloc(1024)]));
        } catch (error) {
          expect(error).toBeInstanceOf(TarFault);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

test('pax records: any bytes give an extension or a TarFault', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        parsePax(Buffer.from(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(TarFault);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a header of zeros is the end, one bit of it is not', () => {
  const block = Buffer.alloc(BLOCK_BYTES);
  expect(parseTarHeader(block)).toBeUndefined();
  block.writeUInt8(1, 300);
  expect(() => parseTarHeader(block)).toThrow(TarFault);
});

function repairChecksum(bytes: Buffer): void {
  bytes.fill(' ', 148, 156);
  const total = bytes.subarray(0, BLOCK_BYTES).reduce((sum, byte) => sum + byte, 0);
  bytes.write(`${total.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}
