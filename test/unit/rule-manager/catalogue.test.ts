import { expect, test } from 'vitest';
import { addressOf, parseIndex } from '../../../instruments/rule-manager/src/sources/catalogue.ts';

const INDEX = `
# a comment
version: 1
sources:
  vendor/open:
    summary: >-
      Open rules
      of a vendor
    description: |
      Long text
    vendor: Vendor
    license: MIT
    url: https://rules.example/open/suricata-%(__version__)s/all.rules.tar.gz
    checksum: true
    support-url: https://support.example
  vendor/pro:
    summary: Rules with a code
    license: Commercial
    url: https://rules.example/%(secret-code)s/pro.tar.gz
    subscribe-url: https://buy.example
    parameters:
      secret-code:
        prompt: Enter the code
  old/one:
    summary: Not kept any more
    url: https://rules.example/old.rules
    obsolete: no longer exists
  broken/one:
    summary: has no address
`;

test('an index of suricata-update is read; entries that are not valid are left out', () => {
  const { entries, skipped } = parseIndex(Buffer.from(INDEX));
  expect(skipped).toBe(1);
  expect(entries).toEqual([
    {
      entry: 'vendor/open',
      summary: 'Open rules of a vendor',
      vendor: 'Vendor',
      license: 'MIT',
      url: 'https://rules.example/open/suricata-%(__version__)s/all.rules.tar.gz',
      parameters: [],
    },
    {
      entry: 'vendor/pro',
      summary: 'Rules with a code',
      license: 'Commercial',
      url: 'https://rules.example/%(secret-code)s/pro.tar.gz',
      parameters: [{ name: 'secret-code', prompt: 'Enter the code' }],
    },
    {
      entry: 'old/one',
      summary: 'Not kept any more',
      url: 'https://rules.example/old.rules',
      obsolete: 'no longer exists',
      parameters: [],
    },
  ]);
});

test('the places of an address are filled in; a parameter cannot lead elsewhere', () => {
  const template = 'https://rules.example/%(secret-code)s/%(__version__)s/x.tar.gz';
  expect(addressOf(template, { 'secret-code': '../a?b#c' }, '7.0.10')).toBe(
    'https://rules.example/..%2Fa%3Fb%23c/7.0.10/x.tar.gz',
  );
  expect(() => addressOf(template, {}, '7.0.10')).toThrow('secret-code is missing');
});

test.each([
  ['no YAML', 'a: [b'],
  ['another version', 'version: 2\nsources: {}'],
  ['no sources', 'version: 1'],
  ['a list', '- a\n- b'],
  ['bytes', Buffer.from([0xff, 0xfe])],
  ['only entries that are not valid', 'version: 1\nsources:\n  a/b:\n    url: file:///etc/passwd'],
  ['aliases', 'version: 1\na: &a [x, x]\nb: [*a, *a]\nsources: {}'],
])('%s: refused', (_what, text) => {
  expect(() => parseIndex(Buffer.from(text))).toThrow(
    expect.objectContaining({ code: 'RULES_INDEX_INVALID' }),
  );
});
