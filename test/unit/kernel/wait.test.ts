import { expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';

test('gives the first thing that is there', async () => {
  let asked = 0;
  const found = await waitFor('the third', 5_000, () => (++asked === 3 ? { asked } : undefined), {
    intervalMs: 1,
  });
  expect(found).toEqual({ asked: 3 });
});

test('zero and the empty string are things', async () => {
  expect(await waitFor('zero', 1_000, () => 0)).toBe(0);
  expect(await waitFor('nothing written', 1_000, () => '')).toBe('');
});

test('gives up in time, naming what was waited for', async () => {
  const waiting = waitFor('the impossible', 30, () => false, { intervalMs: 5 });
  await expect(waiting).rejects.toMatchObject({
    code: 'KERNEL_WAIT_TIMEOUT',
    fields: { what: 'the impossible', timeoutMs: 30 },
  });
});

test('an error of the probe is not waited away', async () => {
  const waiting = waitFor('it', 5_000, () => {
    throw new Error('broken');
  });
  await expect(waiting).rejects.toThrow('broken');
});

test('an abort ends the wait at once', async () => {
  const abort = new AbortController();
  const started = performance.now();
  const waiting = waitFor('it', 60_000, () => false, { intervalMs: 30_000, signal: abort.signal });
  setTimeout(() => abort.abort(), 10);
  await expect(waiting).rejects.toThrow();
  expect(performance.now() - started).toBeLessThan(5_000);
});
