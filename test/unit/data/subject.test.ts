import { expect, test } from 'vitest';
import { parseSubject, subjectMatcher } from '@bulkhead/platform/data';
import { canonicalJson } from '@bulkhead/platform/data';

test('subjects have one normal form; what is neither address nor name is refused', () => {
  const forms = [
    ['10.0.0.7', { address: '10.0.0.7' }],
    [' 10.0.0.7 ', { address: '10.0.0.7' }],
    ['2001:DB8:0:0:0:0:0:1', { address: '2001:db8::1' }],
    ['::ffff:10.0.0.7', { address: '10.0.0.7' }],
    ['WWW.Example.ORG.', { name: 'www.example.org' }],
    ['alice', { name: 'alice' }],
    ['10.0.0.256', { name: '10.0.0.256' }],
  ] as const;
  for (const [typed, subject] of forms) expect(parseSubject(typed), typed).toEqual(subject);
  for (const typed of ['', ' ', '.', 'a b', 'a\nb', 'a\u202eb', 'x'.repeat(256), 'fe80::1%eth0 x']) {
    expect(() => parseSubject(typed), JSON.stringify(typed)).toThrow(
      expect.objectContaining({ code: 'DATA_SUBJECT_INVALID' }),
    );
  }
});

test('a record matches when a text in it is the subject or has it as a whole word, however IPv6 is written', () => {
  const cases: [subject: string, record: unknown, matches: boolean][] = [
    ['10.0.0.7', { src_ip: '10.0.0.7' }, true],
    ['10.0.0.7', { http: { hostname: '10.0.0.7:8080' } }, true],
    ['10.0.0.7', { dns: { answers: [{ rdata: '10.0.0.7' }] } }, true],
    ['10.0.0.7', { src_ip: '10.0.0.77', dest_ip: '110.0.0.7', x: '10.0.0.7.in-addr.arpa' }, false],
    ['2001:db8::1', { src_ip: '2001:0db8:0000:0000:0000:0000:0000:0001' }, true],
    ['2001:db8::1', { src_ip: '2001:DB8:0:0:0:0:0:1' }, true],
    ['2001:db8::1', { src_ip: '2001:db8::1:1', dest_ip: '2001:db8::12' }, false],
    ['example.org', { dns: { rrname: 'EXAMPLE.org.' } }, true],
    ['example.org', { url: 'http://example.org/x' }, true],
    [
      'example.org',
      { a: 'www.example.org', b: 'example.org.net', c: 'my-example.org', d: 'example.organ' },
      false,
    ],
    ['alice', { user: 'Alice' }, true],
    ['alice', { user: 'malice', other: 'alice2', number: 4 }, false],
  ];
  for (const [typed, record, matches] of cases) {
    const matcher = subjectMatcher(parseSubject(typed));
    const body = Buffer.from(JSON.stringify(record));
    expect(matcher.matches(record), `${typed} in ${JSON.stringify(record)}`).toBe(matches);
    // The quick look may say yes too often, but never no when there is a match.
    if (matches) expect(matcher.mayContain(body), `${typed} in ${JSON.stringify(record)}`).toBe(true);
  }
  expect(subjectMatcher({ address: '10.0.0.7' }).mayContain(Buffer.from('{"src_ip":"10.0.0.8"}'))).toBe(
    false,
  );
});

test('a hostile record costs bounded work', () => {
  let deep: unknown = '10.0.0.7';
  for (let i = 0; i < 5_000; i += 1) deep = { deep };
  expect(subjectMatcher({ address: '10.0.0.7' }).matches(deep)).toBe(false);
  const many = { list: Array.from({ length: 200_000 }, () => 'x'), last: '10.0.0.7' };
  expect(subjectMatcher({ address: '10.0.0.7' }).matches(many)).toBe(false);
  const escaped = Buffer.from('{"src_ip":"2001:db8::\\u0031"}');
  expect(subjectMatcher({ address: '2001:db8::1' }).mayContain(escaped)).toBe(true);
});

test('canonical JSON: sorted keys, no white space, undefined left out', () => {
  expect(canonicalJson({ b: [1, { z: null, a: 'ä"' }], a: undefined, A: 1e21 })).toBe(
    '{"A":1e+21,"b":[1,{"a":"ä\\"","z":null}]}',
  );
});
