import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkCapture, readCapture, verifyChecksums, writeWireFile } from '@bulkhead/scripts/replay';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  makePcap,
  tcpFrame,
  writeCapture,
  type MadePacket,
  type PcapShape,
} from '../../support/lab-frames.ts';

let dir = '';
let count = 0;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-wire-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** What would be played of these packets, and the counts. */
async function wire(packets: readonly MadePacket[], shape: PcapShape = {}, maxGapMs = 1000) {
  count += 1;
  const path = await writeCapture(join(dir, `${String(count)}-in`), makePcap(packets, shape));
  const out = join(dir, `${String(count)}-out`);
  const facts = await writeWireFile(path, out, maxGapMs);
  const frames: Buffer[] = [];
  const times: number[] = [];
  for await (const record of readCapture(out)) {
    frames.push(Buffer.from(record.data));
    times.push(record.time);
  }
  return { facts, frames, times };
}

/** A DNS query for `www.example.com` over UDP without a checksum. */
const DNS_QUERY = Buffer.from(
  '02000000000b02000000000a08004500003d1c46400040115b8f' +
    'c0a80068c0a8000a' +
    'd431003500290000' +
    '1234010000010000000000000377777707657861' +
    '6d706c6503636f6d0000010001',
  'hex',
);

test('checksums of a real header are recomputed to their known values', () => {
  // RFC 1071 by hand over the well-known example 4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7.
  const known = Buffer.from(
    '02000000000b02000000000a0800' + '450000730000400040 11b861c0a80001c0a800c7'.replaceAll(' ', ''),
    'hex',
  );
  const frame = Buffer.concat([known, Buffer.alloc(0x73 - 20)]);
  expect(verifyChecksums(frame)).toBe('right'); // a UDP checksum of zero means "none" and is fine
  frame[14 + 8] = 63; // one hop less, checksum unchanged
  expect(verifyChecksums(frame)).toBe('wrong');
});

test.each([false, true])(
  'a checksum left to the card is finished (IPv6: %s), a wrong one is kept',
  async (ip6) => {
    const unfinished = tcpFrame(Buffer.from('GET / HTTP/1.1\r\n\r\n'), { ip6 });
    expect(verifyChecksums(unfinished)).toBe('unfinished');
    const first = await wire([{ data: unfinished }]);
    expect(first.frames.map(verifyChecksums)).toEqual(['right']);
    expect(first.facts).toMatchObject({ finishedChecksums: 1, wrongChecksums: 0, frames: 1 });

    const wrong = Buffer.from(first.frames[0] ?? '');
    wrong[wrong.length - 1] = 0x55; // content changed after the sum was made
    const second = await wire([{ data: wrong }]);
    expect(second.frames).toEqual([wrong]);
    expect(second.facts).toMatchObject({ finishedChecksums: 0, wrongChecksums: 1 });
  },
);

test('the sum of the pseudo header alone counts as left to the card', async () => {
  const frame = tcpFrame(Buffer.from('abc'));
  // 10.0.0.1 + 10.0.0.2 + protocol 6 + length 23, as Linux leaves it in the field.
  frame.writeUInt16BE(0x0a00 + 1 + 0x0a00 + 2 + 6 + 23, 14 + 20 + 16);
  const { facts, frames } = await wire([{ data: frame }]);
  expect(facts.finishedChecksums).toBe(1);
  expect(frames.map(verifyChecksums)).toEqual(['right']);
});

test('other frames are played unchanged', async () => {
  const arp = Buffer.concat([Buffer.from('ffffffffffff02000000000a0806', 'hex'), Buffer.alloc(28, 1)]);
  const fragment = tcpFrame(Buffer.alloc(64, 1));
  fragment.writeUInt16BE(0x2000, 14 + 6);
  const { frames, facts } = await wire([{ data: arp }, { data: DNS_QUERY }]);
  expect(frames[0]).toEqual(arp);
  expect(facts.frames).toBe(2);
  expect((await wire([{ data: fragment }])).frames[0]?.subarray(14 + 20)).toEqual(fragment.subarray(14 + 20));
});

test('an over-long TCP segment becomes the frames of a wire with the same bytes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1_500, max: 70_000 }),
      fc.boolean(),
      fc.constantFrom(0x10, 0x18, 0x19),
      fc.integer({ min: 0, max: 0xffffffff }),
      async (length, ip6, flags, sequence) => {
        const payload = Buffer.alloc(length);
        for (let at = 0; at < length; at += 1) payload[at] = at % 251;
        const { frames, facts } = await wire([{ data: tcpFrame(payload, { ip6, flags, sequence }) }]);
        const headers = 14 + (ip6 ? 40 : 20) + 20;
        expect(Math.max(...frames.map((frame) => frame.length))).toBeLessThanOrEqual(1514);
        expect(new Set(frames.map(verifyChecksums))).toEqual(new Set(['right']));
        expect(Buffer.concat(frames.map((frame) => frame.subarray(headers))).equals(payload)).toBe(true);
        let expected = sequence;
        frames.forEach((frame, index) => {
          const tcp = frame.subarray(headers - 20);
          expect(tcp.readUInt32BE(4)).toBe(expected);
          expect(tcp[13]).toBe(index === frames.length - 1 ? flags : flags & ~0x09);
          expected = (expected + frame.length - headers) >>> 0;
        });
        expect(facts).toMatchObject({ packets: 1, splitPackets: 1, frames: frames.length });
      },
    ),
    { numRuns: 40 },
  );
});

test('a bare IP packet gets an Ethernet header, with or without an address family before it', async () => {
  const packet = tcpFrame(Buffer.from('x')).subarray(14);
  const family = Buffer.concat([Buffer.from('02000000', 'hex'), packet]);
  for (const [linkType, data] of [
    [101, packet],
    [228, packet],
    [0, family],
    [108, family],
  ] as const) {
    const { frames } = await wire([{ data }], { linkType });
    expect(frames[0]?.subarray(0, 14).toString('hex')).toBe('0200000000020200000000010800');
    expect(frames.map(verifyChecksums)).toEqual(['right']);
  }
});

test('what no wire carries is counted and left out', async () => {
  const udp = tcpFrame(Buffer.alloc(20_000));
  udp[14 + 9] = 17;
  const { facts, frames } = await wire([{ data: DNS_QUERY }, { data: Buffer.alloc(5) }, { data: udp }]);
  expect(facts).toMatchObject({ packets: 3, frames: 1, unplayable: 1, tooLarge: 1 });
  expect(frames).toHaveLength(1);
});

test('long pauses are shortened, jumps back in time are none, bursts are spread', async () => {
  const at = (time: number): MadePacket => ({ data: DNS_QUERY, time });
  const { times } = await wire([at(100), at(100.2), at(5_000), at(50), at(50)], {}, 500);
  const gaps = times.slice(1).map((time, index) => Math.round((time - (times[index] ?? 0)) * 1e6));
  expect(gaps).toEqual([200_000, 500_000, 50, 50]);
});

test('a cut packet is played as it is and counted', async () => {
  const cut = tcpFrame(Buffer.alloc(600)).subarray(0, 96);
  const path = await writeCapture(join(dir, 'cut'), makePcap([{ data: cut, originalLength: 654 }]));
  expect(await checkCapture(path)).toMatchObject({ cutPackets: 1, frames: 1, splitPackets: 0 });
});
