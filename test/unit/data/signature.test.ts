import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { canonicalJson, verifyReport } from '@bulkhead/platform/data';
import { reportSigner } from '../../../platform/kernel/index.ts';

const report = {
  kind: 'bulkhead-data-report',
  sensor: 'lab',
  time: '2026-06-01T00:00:00.000Z',
  copies: [{ b: 1 }],
};
const forged = expect.objectContaining({ code: 'DATA_REPORT_FORGED' });
const unreadable = expect.objectContaining({ code: 'DATA_REPORT_UNREADABLE' });

test('the key of RFC 8032 §7.1, test 1, and the same seed gives the same key', () => {
  const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
  const key = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex');
  expect(reportSigner(Buffer.from(seed)).publicKey).toBe(key.toString('base64'));
});

test('a report is whole, of that key, and nothing in the file is unsigned', () => {
  const signer = reportSigner(randomBytes(32));
  const other = reportSigner(randomBytes(32));
  const text = canonicalJson(signer.sign(report));
  expect(verifyReport(`${text}\n`).report).toEqual(report);
  expect(verifyReport(text, signer.publicKey).publicKey).toBe(signer.publicKey);
  const attempts: [string, string | undefined][] = [
    [text, other.publicKey],
    [text.replace('"b":1', '"b":2'), undefined],
    [text.replace('"sensor":"lab"', '"sensor":"lab","sensor":"lab"'), undefined],
    [text.replace('"copies"', '"extra":0,"copies"'), undefined],
    [JSON.stringify(JSON.parse(text), null, 2), undefined],
    [canonicalJson({ ...signer.sign(report), signature: other.sign(report).signature }), undefined],
    [canonicalJson({ ...signer.sign(report), publicKey: other.publicKey }), undefined],
  ];
  for (const [content, key] of attempts)
    expect(() => verifyReport(content, key), content.slice(0, 80)).toThrow(forged);
  for (const content of [
    '',
    '{}',
    '[]',
    'null',
    '{"algorithm":"none"}',
    `${text}}`,
    canonicalJson({ ...signer.sign(report), x: 1 }),
  ]) {
    expect(() => verifyReport(content), content.slice(0, 80)).toThrow(unreadable);
  }
});
