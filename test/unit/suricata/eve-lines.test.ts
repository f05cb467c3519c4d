import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from '../../../instruments/suricata/src/eve-lines.ts';

function split(chunks: readonly Buffer[], maxBytes: number): { lines: string[]; splitter: LineSplitter } {
  const lines: string[] = [];
  const splitter = new LineSplitter(maxBytes, (line) => lines.push(line.toString('latin1')));
  for (const chunk of chunks) splitter.push(chunk);
  return { lines, splitter };
}

test('however a stream is cut into chunks, the same lines come out', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom('a', '"', '{', '\\', '\0'), maxLength: 30 }), {
        maxLength: 20,
      }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
      (texts, sizes) => {
        const stream = Buffer.from(texts.map((text) => `${text}\n`).join(''), 'latin1');
        const chunks: Buffer[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          chunks.push(Buffer.from(stream.subarray(at, at + size)));
          at += size;
        }
        const { lines, splitter } = split(chunks, 20);
        expect(lines).toEqual(texts.filter((text) => text !== '' && text.length <= 20));
        expect(splitter.counters.oversize).toBe(texts.filter((text) => text.length > 20).length);
      },
    ),
  );
});

test('a line that never ends holds no memory and is counted once', () => {
  const { lines, splitter } = split(Array<Buffer>(1000).fill(Buffer.alloc(65_536, 'x')), 1 << 20);
  expect(splitter.counters.oversize).toBe(1);
  splitter.push(Buffer.from('still the same line\nnext\n'));
  expect(lines).toEqual(['next']);
  expect(splitter.counters.oversize).toBe(1);
});

test('a last line without its newline is dropped and counted', () => {
  const { lines, splitter } = split([Buffer.from('one\ntwo')], 100);
  splitter.end();
  expect(lines).toEqual(['one']);
  expect(splitter.counters.unfinishedBytes).toBe(3);
});

test('a line within one chunk is a view of it', () => {
  const chunk = Buffer.from('abc\n');
  let seen: Buffer | undefined;
  new LineSplitter(10, (line) => (seen = line)).push(chunk);
  chunk.write('z');
  expect(seen?.toString()).toBe('zbc');
});
