import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { KeyedQueue } from '../../../platform/storage/keyed-queue.ts';

test('work of one key never overlaps and keeps its order; other keys go on beside it', async () => {
  const queue = new KeyedQueue();
  const seen: string[] = [];
  const work = (label: string, ms: number) => async () => {
    seen.push(`+${label}`);
    await sleep(ms);
    seen.push(`-${label}`);
  };
  await Promise.all([
    queue.run('a', work('a1', 30)),
    queue.run('a', work('a2', 1)),
    queue.run('b', work('b1', 5)),
  ]);
  expect(seen.filter((s) => s.includes('a'))).toEqual(['+a1', '-a1', '+a2', '-a2']);
  expect(seen.indexOf('-b1')).toBeLessThan(seen.indexOf('-a1'));
});

test('a failure reaches its caller only', async () => {
  const queue = new KeyedQueue();
  const failing = queue.run('a', async () => Promise.reject(new Error('no')));
  const next = queue.run('a', async () => Promise.resolve('yes'));
  await expect(failing).rejects.toThrow('no');
  await expect(next).resolves.toBe('yes');
  await queue.idle();
});
