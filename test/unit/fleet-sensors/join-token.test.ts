import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  AdoptionCodeSchema,
  CODE_ALPHABET,
  formatJoinToken,
  isLoopbackHost,
  parseJoinToken,
} from '@bulkhead/platform/contracts';

const FINGERPRINT = 'A'.repeat(42) + '_';

test('a join token is read as it was written', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...CODE_ALPHABET), { minLength: 12, maxLength: 12 }),
      fc.constantFrom('fleet.example.org', '192.0.2.7', '2001:db8::7', 'localhost'),
      fc.integer({ min: 1, max: 65_535 }),
      (characters, host, port) => {
        const code = (characters.join('').match(/.{4}/g) ?? []).join('-');
        const token = { code, host, port, fingerprint: FINGERPRINT };
        expect(parseJoinToken(formatJoinToken(token))).toEqual(token);
      },
    ),
  );
});

test('people may type a code as they read it', () => {
  for (const typed of ['0123-4567-89ab', 'o123 4567 89AB', '0l23456789ab', ' 0I23-4567-89aB ']) {
    expect(AdoptionCodeSchema.parse(typed)).toBe('0123-4567-89AB');
  }
  for (const wrong of [
    '',
    '0123-4567-89A',
    '0123-4567-89AU',
    '0123-4567-89AB-C',
    '0123-4567-89A%',
    'x'.repeat(1000),
  ]) {
    expect(AdoptionCodeSchema.safeParse(wrong).success).toBe(false);
  }
});

test('anything else is no join token', () => {
  const good = `0123-4567-89AB@fleet.example.org:8443#${FINGERPRINT}`;
  expect(parseJoinToken(good)).toBeDefined();
  for (const wrong of [
    good.replace('8443', '0'),
    good.replace('8443', '70000'),
    good.replace('#', ''),
    good.slice(0, -1),
    good + '=',
    good.replace('fleet.example.org', 'user@evil.org'),
    good.replace('fleet.example.org', '[not-six]'),
    good.replace('fleet.example.org', 'a b'),
    good.replace('fleet.example.org', '-x'),
    `https://${good}`,
    good + 'x'.repeat(500),
  ]) {
    expect(parseJoinToken(wrong)).toBeUndefined();
  }
});

test('only this machine counts as loopback', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1', 'localhost'].every(isLoopbackHost)).toBe(true);
  expect(['127.0.0.1.evil.org', 'localhost.evil.org', '10.0.0.1', '::2'].some(isLoopbackHost)).toBe(false);
});
