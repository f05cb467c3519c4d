import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromSeed } from '@nats-io/nkeys';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Identities } from '../../../platform/bus/identities.ts';
import { userSeed } from '../../../platform/bus/nkey-seed.ts';
import { storeCipher } from '../../../platform/bus/server-config.ts';
import { StoreRecord } from '../../../platform/bus/store-record.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bus-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});
const secret = (purpose: string): Buffer => createHmac('sha256', 'key').update(purpose).digest();

test('a seed is the nkey of a user: the library reads it, and gets the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
      const seed = userSeed(Buffer.from(bytes));
      expect(seed).toMatch(/^SU[A-Z2-7]{56}$/);
      const pair = fromSeed(Buffer.from(seed));
      expect(pair.getPublicKey()).toMatch(/^U[A-Z2-7]{55}$/);
      expect(Buffer.from(pair.getSeed()).toString()).toBe(seed);
    }),
    { numRuns: 20 },
  );
  expect(() => userSeed(Buffer.alloc(31))).toThrow(RangeError);
});

test('an identity is the same for the same sensor, and no two are alike', () => {
  const identities = new Identities(join(folder, 'none.json'), secret);
  const again = new Identities(join(folder, 'none.json'), secret);
  const all = [
    identities.instrument('a'),
    identities.instrument('b'),
    identities.internal('platform'),
    identities.internal('system'),
  ];
  expect(again.instrument('a')).toEqual(all[0]);
  expect(new Set(all.map(({ publicKey }) => publicKey)).size).toBe(4);
});

test('who leaves and comes back has another key, also for a platform that was restarted in between', async () => {
  const file = join(folder, 'identities.json');
  const first = new Identities(file, secret);
  await first.keepOnly(['a', 'b']);
  const [a, b] = [first.instrument('a'), first.instrument('b')];
  await first.keepOnly(['b']);
  const second = new Identities(file, secret);
  await second.keepOnly(['a', 'b']);
  expect(second.instrument('a')).not.toEqual(a);
  expect(second.instrument('b')).toEqual(b);
  // Nobody is revoked by saying the same again, or by having never been there.
  await second.keepOnly(['a', 'b']);
  expect(new Identities(file, secret).instrument('a')).toEqual(second.instrument('a'));
});

test('a damaged file of generations is an error, not a fresh start in which dead keys live', async () => {
  const file = join(folder, 'damaged.json');
  for (const text of [
    '{',
    '{"version":2,"instruments":{}}',
    '{"version":1,"instruments":{"a":{"generation":-1,"alive":true}}}',
  ]) {
    await writeFile(file, text);
    expect(() => new Identities(file, secret)).toThrow(
      expect.objectContaining({ code: 'BUS_IDENTITIES_INVALID' }),
    );
  }
});

test('a store with streams is opened in its own way only; an empty one in any', async () => {
  const record = new StoreRecord(join(folder, 'store.json'));
  await record.claim('k1');
  await record.claim(undefined);
  await record.claim('k1');
  await record.remember(['S_a']);
  await record.claim('k1');
  await expect(record.claim(undefined)).rejects.toMatchObject({ code: 'BUS_STORE_KIND' });
  await expect(record.claim('k2')).rejects.toMatchObject({ code: 'BUS_STORE_KEY' });
  expect((await record.known()).streams).toEqual(['S_a']);
  await writeFile(join(folder, 'store.json'), 'x');
  await expect(record.claim('k1')).rejects.toMatchObject({ code: 'BUS_STORE_DAMAGED' });
});

test.each([
  { processor: 'x86 with AES', text: 'flags\t\t: fpu vme aes avx2\n', cipher: 'aes' },
  { processor: 'x86 without', text: 'flags\t\t: fpu vme vaes\n', cipher: 'chacha' },
  { processor: 'ARM with AES', text: 'Features\t: fp asimd aes pmull\n', cipher: 'aes' },
  { processor: 'unknown', text: '', cipher: 'chacha' },
])('the cipher of the store on $processor is $cipher', ({ text, cipher }) => {
  expect(storeCipher(text)).toBe(cipher);
});
