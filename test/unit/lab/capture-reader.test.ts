import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { checkCapture, readCapture, type CaptureRecord } from '@bulkhead/scripts/replay';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makePcap, makePcapng, tcpFrame, writeCapture } from '../../support/lab-frames.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-capture-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

const frame = tcpFrame(Buffer.from('hello'));
const packets = [
  { data: frame, time: 1_700_000_000.25 },
  { data: frame, time: 1_700_000_001.5, originalLength: 1_400 },
];

async function readAll(content: Buffer): Promise<CaptureRecord[]> {
  const path = await writeCapture(join(dir, 'any'), content);
  const records: CaptureRecord[] = [];
  for await (const record of readCapture(path)) records.push({ ...record, data: Buffer.from(record.data) });
  return records;
}

const formats: [string, Buffer][] = [
  ['pcap, little-endian, microseconds', makePcap(packets)],
  ['pcap, big-endian, microseconds', makePcap(packets, { bigEndian: true })],
  ['pcap, little-endian, nanoseconds', makePcap(packets, { nanoseconds: true })],
  ['pcap, big-endian, nanoseconds', makePcap(packets, { bigEndian: true, nanoseconds: true })],
  ['pcapng, little-endian', makePcapng(packets)],
  ['pcapng, big-endian', makePcapng(packets, { bigEndian: true })],
  ['pcapng with nanoseconds', makePcapng(packets, { resolution: 9 })],
];

test.each(formats)('reads %s', async (_name, content) => {
  const records = await readAll(content);
  expect(records.map((record) => record.data)).toEqual([frame, frame]);
  expect(records.map((record) => record.originalLength)).toEqual([frame.length, 1_400]);
  expect(records[0]?.time).toBeCloseTo(1_700_000_000.25, 5);
  expect(records[1]?.time).toBeCloseTo(1_700_000_001.5, 5);
});

test('reads a record that is larger than the read buffer of its neighbours', async () => {
  const large = Buffer.alloc(262_144, 1);
  const many = Array.from({ length: 12 }, () => ({ data: large }));
  expect((await readAll(makePcap(many))).every((record) => record.data.equals(large))).toBe(true);
});

const whole = makePcap(packets);
const wholeNg = makePcapng(packets);
const patched = (content: Buffer, at: number, value: number) => {
  const copy = Buffer.from(content);
  copy.writeUInt32LE(value, at);
  return copy;
};
const refused: [string, string, Buffer][] = [
  ['an empty file', 'START_CAPTURE_EMPTY', Buffer.alloc(0)],
  ['a capture without packets', 'START_CAPTURE_EMPTY', makePcap([])],
  [
    'a capture whose packets are all too short for Ethernet',
    'START_CAPTURE_EMPTY',
    makePcap([{ data: Buffer.alloc(13) }]),
  ],
  ['a text file', 'START_CAPTURE_FORMAT', Buffer.from('hello, world')],
  ['a gzip file', 'START_CAPTURE_FORMAT', Buffer.from('1f8b08000000', 'hex')],
  ['a file of three bytes', 'START_CAPTURE_FORMAT', whole.subarray(0, 3)],
  ['a cut file header', 'START_CAPTURE_TRUNCATED', whole.subarray(0, 20)],
  ['a cut record header', 'START_CAPTURE_TRUNCATED', whole.subarray(0, 30)],
  ['a cut record', 'START_CAPTURE_TRUNCATED', whole.subarray(0, whole.length - 1)],
  ['a cut pcapng block', 'START_CAPTURE_TRUNCATED', wholeNg.subarray(0, wholeNg.length - 9)],
  ['an unknown version', 'START_CAPTURE_DAMAGED', patched(whole, 4, 9)],
  ['an absurd snap length', 'START_CAPTURE_DAMAGED', makePcap(packets, { snapLength: 0xffffffff })],
  ['a record of 4 GiB', 'START_CAPTURE_DAMAGED', patched(whole, 32, 0xffffffff)],
  ['a pcapng block of 4 GiB', 'START_CAPTURE_DAMAGED', patched(wholeNg, 4, 0xfffffffc)],
  ['a pcapng block of no length', 'START_CAPTURE_DAMAGED', patched(wholeNg, 32, 0)],
  ['a pcapng section of unknown byte order', 'START_CAPTURE_DAMAGED', patched(wholeNg, 8, 0)],
  ['Cisco HDLC', 'START_CAPTURE_LINK_TYPE', makePcap(packets, { linkType: 104 })],
  ['802.11 in pcapng', 'START_CAPTURE_LINK_TYPE', makePcapng(packets, { linkType: 105 })],
  ['an unknown link type', 'START_CAPTURE_LINK_TYPE', makePcap(packets, { linkType: 4_242 })],
];

test.each(refused)('refuses %s with %s', async (_name, code, content) => {
  const path = await writeCapture(join(dir, 'refused'), content);
  const error = await checkCapture(path).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(BulkheadError);
  expect(error).toMatchObject({ code, fields: { path } });
});

test('names the link type and what to do', async () => {
  const path = await writeCapture(join(dir, 'hdlc'), makePcap(packets, { linkType: 104 }));
  await expect(checkCapture(path)).rejects.toMatchObject({
    message: expect.stringContaining('C-HDLC') as string,
    hint: expect.stringContaining('Ethernet') as string,
  });
});

describe('files that are none', () => {
  test('a missing file, a folder and a device are refused', async () => {
    for (const path of [join(dir, 'missing'), dir, '/dev/zero']) {
      await expect(checkCapture(path)).rejects.toMatchObject({ code: 'START_CAPTURE_UNREADABLE' });
    }
  });

  test('a file beyond the size limit is refused without being read', async () => {
    const path = join(dir, 'huge');
    await writeFile(path, '');
    await truncate(path, 3 * 1024 ** 3); // sparse
    await expect(checkCapture(path)).rejects.toMatchObject({ code: 'START_CAPTURE_TOO_LARGE' });
  });
});

test('no damage, wherever it is, gets more than a coded error out of the reader', async () => {
  const seeds = formats.map(([, content]) => content);
  const path = join(dir, 'fuzzed');
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 12 }),
      fc.nat(40),
      async (seed, changes, cut) => {
        const content = Buffer.from(seed.subarray(0, seed.length - (cut > 20 ? 0 : cut)));
        for (const [at, value] of changes) content[at % content.length] = value;
        await writeFile(path, content);
        try {
          const facts = await checkCapture(path);
          expect(facts.packets).toBeLessThanOrEqual(4);
        } catch (error) {
          expect(error).toBeInstanceOf(BulkheadError);
          expect((error as BulkheadError).code).toMatch(/^START_CAPTURE_/);
        }
      },
    ),
    { numRuns: 400 },
  );
});
