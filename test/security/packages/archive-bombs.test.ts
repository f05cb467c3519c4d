import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkImageArchive } from '@bulkhead/platform/packages';
import { imageHead, tarBlock, tarBytes } from '../../support/tar-bytes.ts';

let dir: string;
let count = 0;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-bombs-'));
});
afterAll(async () => rm(dir, { recursive: true, force: true }));

async function file(bytes: Buffer): Promise<string> {
  const path = join(dir, `${String((count += 1))}.tar`);
  await writeFile(path, bytes);
  return path;
}

/** An archive of a million empty files: only the name and its checksum differ from one header to the next. */
async function* millionEntries(): AsyncGenerator<Buffer> {
  yield tarBytes(imageHead()).subarray(0, -1024);
  const template = tarBlock({ name: 'rootfs/0000000' });
  const sum =
    template.reduce((total, byte) => total + byte, 0) -
    template.subarray(148, 156).reduce((a, b) => a + b, 0);
  for (let thousand = 0; thousand < 1000; thousand++) {
    const blocks = Buffer.alloc(512 * 1000);
    for (let n = 0; n < 1000; n++) {
      const digits = String(thousand * 1000 + n).padStart(7, '0');
      const at = n * 512;
      template.copy(blocks, at);
      blocks.write(digits, at + 7, 'latin1');
      let total = sum + 8 * 0x20;
      for (const digit of digits) total += Number(digit);
      blocks.write(`${total.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
    }
    yield blocks;
  }
  yield Buffer.alloc(1024);
}

describe('ABUSE 67: bombs are refused', () => {
  test('ABUSE 67: a small archive that unpacks to many bytes', async () => {
    const out = join(dir, 'bomb.tar.gz');
    // 5 GiB of zeros: some 5 MB when compressed; the header already says too much, so nothing of it is unpacked.
    const head = tarBytes([...imageHead(), { name: 'rootfs/zeros', size: 5 * 1024 ** 3 }]).subarray(0, -1024);
    await writeFile(out, gzipSync(Buffer.concat([head, Buffer.alloc(16 * 1024 ** 2)])));
    const started = performance.now();
    await expect(checkImageArchive(out)).rejects.toMatchObject({ code: 'PACKAGES_IMAGE_TOO_LARGE' });
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('ABUSE 67: many files that are large together', async () => {
    const files = ['a', 'b', 'c'].map((name) => ({ name: `rootfs/${name}`, content: Buffer.alloc(4096) }));
    const path = await file(tarBytes([...imageHead(), ...files]));
    await expect(checkImageArchive(path, { unpackedBytes: 10_000 })).rejects.toMatchObject({
      code: 'PACKAGES_IMAGE_TOO_LARGE',
      fields: { entry: 'rootfs/c' },
    });
  });

  test('ABUSE 67: a million entries', async () => {
    const out = join(dir, 'million.tar.gz');
    await pipeline(millionEntries(), createGzip({ level: 1 }), createWriteStream(out));
    const before = process.memoryUsage().rss;
    await expect(checkImageArchive(out)).rejects.toMatchObject({ code: 'PACKAGES_IMAGE_TOO_LARGE' });
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 ** 2);
  });

  test('ABUSE 67: zeros without end behind the archive', async () => {
    const out = join(dir, 'padding.tar.gz');
    await writeFile(out, gzipSync(Buffer.concat([tarBytes(imageHead()), Buffer.alloc(64 * 1024 ** 2)])));
    await expect(checkImageArchive(out)).rejects.toMatchObject({
      code: 'PACKAGES_IMAGE_REFUSED',
    });
  });

  test('ABUSE 67: an archive cut short, damaged, or not one at all', async () => {
    const whole = gzipSync(
      tarBytes([...imageHead(), { name: 'rootfs/x', content: Buffer.alloc(100_000, 'x') }]),
    );
    const damaged = Buffer.from(whole);
    damaged.writeUInt8(damaged.readUInt8(60) ^ 0xff, 60);
    for (const bytes of [
      whole.subarray(0, -10),
      whole.subarray(0, 40),
      damaged,
      Buffer.alloc(0),
      Buffer.from('hello'),
    ]) {
      await expect(checkImageArchive(await file(bytes))).rejects.toMatchObject({
        code: expect.stringMatching(/^PACKAGES_IMAGE_(UNREADABLE|REFUSED)$/) as string,
      });
    }
    await expect(checkImageArchive(dir)).rejects.toMatchObject({ code: 'PACKAGES_IMAGE_UNREADABLE' });
    await expect(checkImageArchive(join(dir, 'absent'))).rejects.toMatchObject({
      code: 'PACKAGES_IMAGE_UNREADABLE',
    });
  });

  test('ABUSE 67: a check that takes too long ends', async () => {
    const out = join(dir, 'slow.tar.gz');
    await writeFile(
      out,
      gzipSync(tarBytes([...imageHead(), { name: 'rootfs/x', content: Buffer.alloc(64 * 1024 ** 2) }])),
    );
    await expect(checkImageArchive(out, { timeoutMs: 1 })).rejects.toMatchObject({
      code: 'PACKAGES_IMAGE_TOO_LARGE',
    });
  });
});
