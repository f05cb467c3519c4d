import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { GrantHistory, type RevisionRecord } from '@bulkhead/platform/sensord';

const record = (
  number: number,
  publish: string[],
  values: { failed?: boolean; document?: string; packageName?: string } = {},
): RevisionRecord => ({
  revision: {
    version: 1,
    number,
    document:
      values.document ??
      stringify({
        version: 1,
        sensor: { name: 'lab' },
        instruments: [{ name: 'ids', package: values.packageName ?? 'ids', grants: { publish } }],
      }),
    documentSha256: '',
    digest: '',
    author: `author-${String(number)}`,
    reason: `reason ${String(number)}`,
    time: new Date(number * 1000).toISOString(),
    origin: 'apply',
  },
  result: {
    state: values.failed === true ? 'failed' : 'applied',
    time: new Date(number * 1000).toISOString(),
  },
});

test('a right was given by the oldest revision since which it stands without interruption', async () => {
  const records = [
    record(1, ['alert']),
    record(2, ['alert', 'dns']),
    record(3, ['alert']),
    record(4, ['dns'], { failed: true }),
    record(5, ['alert', 'dns']),
  ];
  const history = new GrantHistory(() => records);
  await history.advance();
  expect(history.since('ids', 'ids', 'publish:alert')).toEqual({
    revision: 1,
    author: 'author-1',
    time: '1970-01-01T00:00:01.000Z',
    reason: 'reason 1',
  });
  expect(history.since('ids', 'ids', 'publish:dns')?.revision).toBe(5);
  expect(history.since('ids', 'ids', 'publish:flow')).toBeUndefined();

  records.push(record(6, ['dns']), record(7, ['alert', 'dns']));
  await Promise.all([history.advance(), history.advance()]);
  expect(history.since('ids', 'ids', 'publish:alert')?.revision).toBe(7);
  expect(history.since('ids', 'ids', 'publish:dns')?.revision).toBe(5);
});

test('another package in the same place was given its rights anew; an unreadable revision interrupts nothing', async () => {
  const records = [record(1, ['alert']), record(2, [], { document: '{ not: [yaml' }), record(3, ['alert'])];
  const history = new GrantHistory(() => records);
  await history.advance();
  expect(history.since('ids', 'ids', 'publish:alert')?.revision).toBe(1);
  records.push(record(4, ['alert'], { packageName: 'other-ids' }));
  await history.advance();
  expect(history.since('ids', 'other-ids', 'publish:alert')?.revision).toBe(4);
});

test('a download with other bounds is another grant', async () => {
  const download = (maxMib: number) => ({
    name: 'rules',
    url: 'https://rules.example.org/r',
    as: 'r',
    maxMib,
  });
  const document = (maxMib: number) =>
    stringify({
      instruments: [{ name: 'ids', package: 'ids', grants: { downloads: [download(maxMib)] } }],
    });
  const records = [1, 1, 2].map((maxMib, index) => record(index + 1, [], { document: document(maxMib) }));
  const history = new GrantHistory(() => records);
  await history.advance();
  expect(history.since('ids', 'ids', 'download:rules')?.revision).toBe(3);
});

test('a thousand revisions are read once', async () => {
  const records = Array.from({ length: 1000 }, (_, index) => record(index + 1, ['alert']));
  let reads = 0;
  const counted = records.map((one) => ({
    ...one,
    revision: Object.defineProperty({ ...one.revision }, 'document', {
      get: () => {
        reads += 1;
        return one.revision.document;
      },
    }),
  }));
  const history = new GrantHistory(() => counted);
  await history.advance();
  await history.advance();
  expect(reads).toBe(1000);
  expect(history.since('ids', 'ids', 'publish:alert')?.revision).toBe(1);
});
