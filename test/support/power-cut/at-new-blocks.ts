import { watch } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BusStore } from './bus-store.ts';
import { chance } from './under-power-cuts.ts';
import { mountImage, type VolatileDisk } from './volatile-disk.ts';

/** Most time that the writing of all blocks may take; a disk or a processor that is so slow fails the test. */
const WRITING_MS = 120_000;

/**
 * Writes until the server has begun some new blocks of messages, and cuts the power a few write requests after each beginning:
 * moments that random cuts meet once in thousands.
 */
export async function cutAtNewBlocks(
  store: BusStore,
  options: { disk: VolatileDisk; scratch: string; cuts: number; seed: number },
): Promise<{ cuts: number; lost: string[] }> {
  const { disk, scratch, seed } = options;
  const random = chance(seed);
  const acknowledged = new Set<string>();
  const images: { image: string; required: string[] }[] = [];
  const known = new Set(await readdir(store.messagesDir));
  let cutting: Promise<unknown> | undefined;
  const cut = async (): Promise<void> => {
    const image = join(scratch, `block-${String(images.length)}.img`);
    images.push({ image, required: [...acknowledged] });
    await disk.cut(image, {
      seed: Math.floor(random() * 2 ** 32),
      keepPercent: [0, 0, 50, 100][Math.floor(random() * 4)] ?? 0,
      grainBytes: 512,
      waitWrites: Math.floor(random() * 12),
    });
  };
  const stop = new AbortController();
  const writing = store.write((id) => acknowledged.add(id), stop.signal);
  const watcher = watch(store.messagesDir, (_, name) => {
    if (name === null || !/^\d+\.(?:blk|key\.tmp)$/.test(name) || known.has(name)) return;
    known.add(name);
    if (cutting !== undefined || images.length === options.cuts) return;
    cutting = cut().finally(() => (cutting = undefined));
  });
  try {
    const deadline = performance.now() + WRITING_MS;
    while (images.length < options.cuts && performance.now() < deadline) await sleep(50);
  } finally {
    watcher.close();
    stop.abort();
    await writing;
    await cutting;
  }
  const lost: string[] = [];
  for (const [index, { image, required }] of images.entries()) {
    const mounted = await mountImage(image, `${image}.mounted`);
    try {
      const found = new Set(await store.read(mounted.path));
      const missing = required.filter((id) => !found.has(id));
      if (missing.length > 0)
        lost.push(`cut ${String(index)}: ${String(missing.length)}, first ${missing[0] ?? ''}`);
    } finally {
      await mounted.unmount();
      await rm(image, { force: true });
    }
  }
  return { cuts: images.length, lost };
}
