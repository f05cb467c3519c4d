import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@bulkhead/platform/kernel';
import { openReplay, removeReplay, verifyChecksums } from '@bulkhead/scripts/replay';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makePcap, tcpFrame, writeCapture } from '../../support/lab-frames.ts';
import {
  captureWhile,
  hostNetwork,
  remains,
  sentFrames,
  testSite,
  type TestSite,
} from '../../support/lab.ts';

const PREFIX = 'b73';
let at: TestSite;
let file = '';
const jumbo = tcpFrame(Buffer.alloc(8_000, 3));
jumbo[14 + 9] = 17; // UDP has no segments: this one stays as large as it is
const packets = [
  { data: tcpFrame(Buffer.from('first')), time: 10 },
  { data: tcpFrame(Buffer.alloc(4_000, 1)), time: 10.1 },
  { data: tcpFrame(Buffer.from('last')), time: 10.2 },
];

beforeEach(async () => {
  at = await testSite(PREFIX);
  await run('mkdir', ['-p', at.site.cacheDir]);
  file = await writeCapture(join(at.site.cacheDir, 'capture.pcap'), makePcap(packets));
});

afterEach(async () => {
  await removeReplay(at.site);
  await at.remove();
});

test('plays a capture as it was on the wire, onto the monitor interface and nowhere else', async () => {
  const network = await hostNetwork(PREFIX);
  const replay = await openReplay({ ...at, file });
  expect(await hostNetwork(PREFIX)).toEqual(network);
  await run('ip', ['link', 'set', replay.monitorDevice, 'up']);
  let sent: unknown;
  const frames = await captureWhile(replay.monitorDevice, async () => {
    sent = await replay.play();
  });
  expect(sent).toMatchObject({ sent: 5, failed: 0 });
  expect(frames.map((frame) => frame.length)).toEqual([59, 1514, 1514, 1134, 58]);
  expect(frames.map(verifyChecksums)).toEqual(Array(5).fill('right'));
  expect(await sentFrames(replay.monitorDevice)).toBe(0);
  await replay.stop();
  expect(await remains(PREFIX)).toEqual([]);
});

test('jumbo frames pass', async () => {
  await writeCapture(file, makePcap([{ data: jumbo }]));
  const replay = await openReplay({ ...at, file });
  await run('ip', ['link', 'set', replay.monitorDevice, 'up']);
  const frames = await captureWhile(replay.monitorDevice, async () => {
    expect(await replay.play({ pps: 100 })).toMatchObject({ sent: 1, failed: 0 });
  });
  expect(frames.map((frame) => frame.length)).toEqual([jumbo.length]);
});

test("keeps the capture's pace, faster on demand", async () => {
  const replay = await openReplay({ ...at, file });
  await run('ip', ['link', 'set', replay.monitorDevice, 'up']);
  expect((await replay.play()).seconds).toBeGreaterThanOrEqual(0.19);
  expect((await replay.play({ speed: 10_000 })).sent).toBe(5);
  expect((await replay.play({ pps: 1_000 })).sent).toBe(5);
});

test('an abort ends the replay at once and leaves it usable', async () => {
  await writeCapture(
    file,
    makePcap([packets[0], { data: tcpFrame(Buffer.from('late')), time: 90 }].filter((p) => p !== undefined)),
  );
  const replay = await openReplay({ ...at, file, maxGapMs: 60_000 });
  await run('ip', ['link', 'set', replay.monitorDevice, 'up']);
  const started = performance.now();
  await expect(replay.play({ signal: AbortSignal.timeout(300) })).rejects.toMatchObject({
    name: 'TimeoutError',
  });
  expect(performance.now() - started).toBeLessThan(5_000);
  expect((await replay.play({ pps: 1_000 })).sent).toBe(2);
});

test('another capture can be loaded onto the same interface; a refused one changes nothing', async () => {
  const other = await writeCapture(join(at.site.cacheDir, 'other.pcap'), makePcap([{ data: jumbo }]));
  const bad = await writeCapture(join(at.site.cacheDir, 'bad.pcap'), Buffer.from('nothing'));
  const replay = await openReplay({ ...at, file });
  await run('ip', ['link', 'set', replay.monitorDevice, 'up']);
  await replay.load(other);
  await expect(replay.load(bad)).rejects.toMatchObject({ code: 'START_CAPTURE_FORMAT' });
  const frames = await captureWhile(replay.monitorDevice, async () => {
    await replay.play();
  });
  expect(frames.map((frame) => frame.length)).toEqual([jumbo.length]);
  expect(replay.facts.path).toBe(other);
  const kept = await readdir(join(at.site.cacheDir, `replay-${PREFIX}`));
  expect(kept).toHaveLength(1);
});

test('refuses to play to nobody', async () => {
  const replay = await openReplay({ ...at, file });
  await expect(replay.play()).rejects.toMatchObject({ code: 'START_REPLAY_UNWATCHED' });
});

test('a refused capture leaves nothing, not even for a moment a link', async () => {
  await writeCapture(file, makePcap(packets, { linkType: 104 }));
  await expect(openReplay({ ...at, file })).rejects.toMatchObject({ code: 'START_CAPTURE_LINK_TYPE' });
  expect(await remains(PREFIX)).toEqual([]);
  expect((await run('ls', [at.site.cacheDir])).stdout).toBe('capture.pcap\n');
});

test('opens over the leftovers of a crash', async () => {
  await openReplay({ ...at, file });
  const again = await openReplay({ ...at, file });
  await again.stop();
  expect(await remains(PREFIX)).toEqual([]);
});
