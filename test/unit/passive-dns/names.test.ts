import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalAddress, pointerName } from '../../../instruments/passive-dns/src/addresses.ts';
import { MAX_NAME, normalName, reversedName, suffixOf } from '../../../instruments/passive-dns/src/names.ts';

describe('names in one form', () => {
  test.each([
    { why: 'plain', name: 'www.example.org', normal: 'www.example.org' },
    { why: 'ASCII case and the final dot', name: 'WWW.Example.ORG.', normal: 'www.example.org' },
    { why: 'the root', name: '.', normal: '.' },
    { why: 'NUL', name: 'a\0b.example', normal: 'a\\000b.example' },
    {
      why: 'line ends and escapes of a terminal',
      name: 'a\r\n\u001b[31m.example',
      normal: 'a\\013\\010\\027[31m.example',
    },
    { why: 'C1 and line separators', name: '\u009b\u2028x.example', normal: '\\155\\8232x.example' },
    { why: 'a backslash as Suricata writes it', name: 'a\\xFFb.example', normal: 'a\\xffb.example' },
    { why: 'a homoglyph stays one', name: 'рaypal.com', normal: 'рaypal.com' },
    { why: 'letters beyond ASCII keep their case', name: 'İ.ÄÖ.example', normal: 'İ.ÄÖ.example' },
    { why: 'right to left', name: 'a\u202egpj.exe', normal: 'a\u202egpj.exe' },
    { why: 'half a surrogate pair', name: 'a\ud800.example', normal: 'a\ufffd.example' },
    { why: 'a label beyond 63', name: `${'a'.repeat(70)}.example`, normal: `${'a'.repeat(70)}.example` },
    { why: 'empty labels', name: 'a..b', normal: 'a..b' },
  ])('$why', ({ name, normal }) => {
    expect(normalName(name)).toBe(normal);
  });

  test('too long or empty is none', () => {
    expect(normalName('')).toBeUndefined();
    expect(normalName('a'.repeat(MAX_NAME))).toHaveLength(MAX_NAME);
    expect(normalName('a'.repeat(MAX_NAME + 1))).toBeUndefined();
    expect(normalName('\0'.repeat(MAX_NAME))).toBeUndefined();
  });

  test('whatever comes: bounded, without a control character, the same when done twice', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (name) => {
        const normal = normalName(name);
        if (normal === undefined) return;
        expect(normal.length).toBeLessThanOrEqual(MAX_NAME);
        expect(normal).not.toMatch(/[\u0000-\u0020\u007f-\u009f]/);
        expect(reversedName(reversedName(normal))).toBe(normal);
        if (!normal.endsWith('.')) expect(normalName(normal)).toBe(normal);
      }),
    );
  });
});

test.each([
  ['org', 'org'],
  ['org.example', 'org.example'],
  ['org.example.www.a.b', 'org.example'],
  ['uk.co.example', 'uk.co.example'],
  ['uk.co.example.www', 'uk.co.example'],
  ['uk.co', 'uk.co'],
  ['de.example.www', 'de.example'],
  ['arpa.in-addr.10.0.0.1', 'arpa.in-addr.10'],
  ['.', '.'],
])('the registered part of %s is %s', (reversed, suffix) => {
  expect(suffixOf(reversed)).toBe(suffix);
});

test.each([
  ['192.0.2.1', '192.0.2.1', '1.2.0.192.in-addr.arpa'],
  [
    '2001:0DB8:0000:0000:0000:0000:0000:0001',
    '2001:db8::1',
    '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
  ],
  ['::', '::', `${'0.'.repeat(32)}ip6.arpa`],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1', `1.0.2.0.0.0.0.c.f.f.f.f.${'0.'.repeat(20)}ip6.arpa`],
])('the address %s', (text, normal, pointer) => {
  expect(normalAddress(text)).toBe(normal);
  expect(pointerName(normal)).toBe(pointer);
});

test.each(['', '1.2.3', '1.2.3.4.5', '01.2.3.4', 'fe80::1%eth0', '::1\0', '999.1.1.1', 'example.org'])(
  'no address: %j',
  (text) => {
    expect(normalAddress(text)).toBeUndefined();
  },
);
