import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@bulkhead/platform/kernel';
import type { FeedReport } from '../../../instruments/capture-engine/src/feed-report.ts';
import { engineNamespace, type EngineNamespace } from './namespace.ts';

const source = (name: string) =>
  JSON.stringify(
    fileURLToPath(new URL(`../../../instruments/capture-engine/src/${name}.ts`, import.meta.url)),
  );

/** Forwards and observes as the app does, without the bus; tells what each look saw. */
const PROGRAM = `
  import { Forwarder } from ${source('forwarder')};
  import { FeedObserver } from ${source('feed-observer')};
  const forwarder = new Forwarder([{ input: 'in0', output: 'out0' }]);
  await forwarder.install();
  const observer = new FeedObserver(['in0'], 3);
  const look = async () => {
    await observer.look();
    console.log(JSON.stringify({ report: observer.reports[0], fault: observer.fault }));
    setTimeout(look, 300);
  };
  await look();
`;

let namespace: EngineNamespace;
let folder: string;
let last: { report?: FeedReport; fault?: string } = {};
let looks = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'b72-'));
  namespace = await engineNamespace('b72a');
  const child = await namespace.start(PROGRAM);
  if (child.stdout === null) throw new Error('no output');
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = JSON.parse(line) as typeof last;
    looks += 1;
  });
  await waitFor('the first report', 15_000, () => last.report !== undefined);
});

afterAll(async () => {
  await namespace.remove();
  await rm(folder, { recursive: true, force: true });
});

/** IPv4, TCP with ACK; the addresses are 10.0.0.<from> and 10.0.0.<to>. */
function segment(from: number, to: number, sport: number, dport: number, id: number, vlan?: number): Buffer {
  const ip = Buffer.alloc(20);
  ip.writeUInt16BE(0x4500, 0);
  ip.writeUInt16BE(40, 2);
  ip.writeUInt16BE(id, 4);
  ip.writeUInt8(64, 8);
  ip.writeUInt8(6, 9);
  Buffer.from([10, 0, 0, from, 10, 0, 0, to]).copy(ip, 12);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += ip.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  ip.writeUInt16BE(~sum & 0xffff, 10);
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(sport, 0);
  tcp.writeUInt16BE(dport, 2);
  tcp.writeUInt16BE(0x5010, 12);
  const tag = vlan === undefined ? '' : `8100${vlan.toString(16).padStart(4, '0')}`;
  return Buffer.concat([Buffer.from(`020000000001020000000002${tag}0800`, 'hex'), ip, tcp]);
}

async function send(frames: readonly Buffer[]): Promise<void> {
  const parts: Uint8Array[] = [Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex')];
  for (const frame of frames) {
    const head = Buffer.alloc(16);
    head.writeUInt32LE(frame.length, 8);
    head.writeUInt32LE(frame.length, 12);
    parts.push(head, frame);
  }
  const file = join(folder, 'frames.pcap');
  await writeFile(file, Buffer.concat(parts));
  await namespace.execOutside(['tcpreplay', '-q', '--topspeed', '-i', 'hin0', file]);
}

async function until(what: string, fits: (report: FeedReport) => boolean): Promise<FeedReport> {
  return waitFor(what, 20_000, () =>
    last.report !== undefined && fits(last.report) ? last.report : undefined,
  );
}

/** Sends the same again and again, with pauses longer than those of duplicates. */
async function sending(
  frames: readonly Buffer[],
  what: string,
  fits: (report: FeedReport) => boolean,
): Promise<FeedReport> {
  return waitFor(
    what,
    60_000,
    async () => {
      if (last.report !== undefined && fits(last.report)) return last.report;
      await send(frames);
      return undefined;
    },
    { intervalMs: 500 },
  );
}

async function anotherLook(): Promise<void> {
  const seen = looks;
  await waitFor('two more looks', 10_000, () => looks >= seen + 2);
}

const conversation = (port: number, vlan?: number) => [
  segment(1, 2, port, 80, port, vlan),
  segment(2, 1, 80, port, port, vlan),
];
const range = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

test('VLANs, conversations in both directions and in one, and duplicates are seen; every frame goes on', async () => {
  const two = range(20).flatMap((n) => conversation(2000 + n, 7));
  const one = range(30).map((n) => segment(1, 3, 3000 + n, 443, n, 99));
  const report = await sending(
    [...two, ...one],
    '50 conversations',
    ({ conversations }) => conversations?.total === 50,
  );
  expect(report.vlans.map(({ id }) => id)).toEqual([7, 99]);
  expect(report.conversations).toEqual({ total: 50, oneSided: 30 });
  expect(report.oneIn).toBe(1);
  expect(report.duplicates.seen).toBe(0);

  await anotherLook();
  const before = last.report?.duplicates.sampled ?? 0;
  // Only identifications of one in 16 are looked at, so these are all of that kind.
  const frames = range(64).map((n) => segment(4, 5, 4000 + n, 80, 16 * n + 7));
  await send([...frames, ...frames]);
  const { duplicates } = await until(
    'the duplicates',
    ({ duplicates: { sampled, seen } }) => sampled + seen === before + 128,
  );
  expect(duplicates.seen).toBeGreaterThan(32); // all 64, unless the sender was held up for longer than a duplicate may take
  await waitFor('all frames on the other side', 5_000, async () => {
    const links = await namespace.exec(['cat', '/proc/net/dev']);
    const [into, out] = ['in0', 'out0'].map((link) =>
      new RegExp(`${link}:(.*)`).exec(links)?.[1]?.trim().split(/\s+/).map(Number),
    );
    return into?.[1] === out?.[9];
  });
});

test('a flood of addresses fills the sets and nothing else: fewer are observed, and both directions of those', async () => {
  const flood = range(12_000).map((n) => segment(n & 0xff, (n >>> 8) + 10, 1000 + n, 80, n));
  const talk = range(400).flatMap((n) => conversation(20_000 + n));
  await send(flood);
  const coarse = await waitFor('fewer to be observed', 20_000, async () => {
    await send(flood);
    return (last.report?.oneIn ?? 1) >= 16 ? last.report : undefined;
  });
  expect(coarse.oneIn).toBeGreaterThanOrEqual(16);
  // When the flood is over, all are looked at again; what is two-sided was never counted as one-sided.
  const calm = await sending(
    talk,
    'all to be observed again',
    ({ oneIn, conversations }) => oneIn === 1 && conversations?.total === 400 && conversations.oneSided === 0,
  );
  expect(calm.conversations).toEqual({ total: 400, oneSided: 0 });
});

test('a table that was flushed is put back; forwarding never noticed', async () => {
  const { since } = last.report ?? {};
  await namespace.exec(['nft', 'delete', 'table', 'netdev', 'feed']);
  await until('another beginning', (report) => report.since !== since);
  await anotherLook();
  expect(last.fault).toBeUndefined();
});
