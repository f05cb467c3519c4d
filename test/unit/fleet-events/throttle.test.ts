import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { Throttle } from '../../../fleet-ui/server/events/throttle.ts';

const KIB = 1024;

async function pass(chunks: number, bytesPerSecond: number): Promise<{ bytes: number; tookMs: number }> {
  const began = performance.now();
  let bytes = 0;
  const source = Readable.from(Array.from({ length: chunks }, () => Buffer.alloc(64 * KIB)));
  for await (const chunk of source.pipe(new Throttle(bytesPerSecond))) bytes += (chunk as Buffer).length;
  return { bytes, tookMs: performance.now() - began };
}

test('what comes at once passes up to two seconds’ worth, and more waits', async () => {
  // 1 MiB at 0.25 MiB/s: half of it at once, the rest in two seconds.
  const { bytes, tookMs } = await pass(16, 256 * KIB);
  expect(bytes).toBe(KIB * KIB);
  expect(tookMs).toBeGreaterThan(1_500);
});

test('what is destroyed while it waits lets go', async () => {
  const throttle = new Throttle(1);
  throttle.write(Buffer.alloc(KIB));
  throttle.destroy();
  await new Promise((resolve) => throttle.once('close', resolve));
  expect(throttle.read()).toBeNull();
});
