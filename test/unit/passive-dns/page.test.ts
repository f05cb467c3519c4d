import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ManifestSchema } from '@bulkhead/platform/contracts';
import { PAGE_PORT } from '../../../instruments/passive-dns/src/page.ts';
import { hashOf, questionIn, questionOf, typedOf } from '../../../instruments/passive-dns/ui/question.ts';
import { visible } from '../../../instruments/passive-dns/ui/text.ts';

test('the page listens where the manifest says', () => {
  const url = new URL('../../../instruments/passive-dns/instrument.yaml', import.meta.url);
  const { asks } = ManifestSchema.parse(parse(readFileSync(url, 'utf8')));
  expect(asks.ui).toEqual({ port: PAGE_PORT, title: 'Passive DNS' });
});

test.each([
  [' www.example.org ', false, { kind: 'name', text: 'www.example.org' }],
  ['example.org', true, { kind: 'name', text: '*.example.org' }],
  ['*.example.org', true, { kind: 'name', text: '*.example.org' }],
  ['192.0.2.1', true, { kind: 'address', text: '192.0.2.1' }],
  ['2001:DB8::1', false, { kind: 'address', text: '2001:DB8::1' }],
  ['::ffff:192.0.2.1', false, { kind: 'address', text: '::ffff:192.0.2.1' }],
  ['192.0.2.1.example', false, { kind: 'name', text: '192.0.2.1.example' }],
  ['a:b.example', false, { kind: 'name', text: 'a:b.example' }],
  ['  ', true, undefined],
] as const)('what is typed becomes a question: %j', (typed, below, expected) => {
  expect(questionOf(typed, below)).toEqual(expected);
});

test('a question stands in the address of the page and comes back from it, whatever it is made of', () => {
  for (const text of ['*.example.org', 'a&name=b#c?d+e%20', '<script>', String.raw`a\013b.example`]) {
    const question = { kind: 'name', text } as const;
    expect(questionIn(hashOf(question))).toEqual(question);
  }
  expect(typedOf({ kind: 'name', text: '*.example.org' })).toBe('example.org');
  for (const hash of ['', '#', '#name=', '#name=%4', '#file=x', '#x'])
    expect(questionIn(hash)).toBeUndefined();
});

test('what cannot be seen is written out; letters of other scripts stay', () => {
  expect(visible('a\u202egpj\u200b.example')).toBe('a⟨U+202E⟩gpj⟨U+200B⟩.example');
  expect(visible('пример.example')).toBe('пример.example');
});
