import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { parseIndex } from '../../../instruments/rule-manager/src/sources/catalogue.ts';
import { readSource } from '../../../instruments/rule-manager/src/sources/read-source.ts';
import { readResource } from '../../../instruments/rule-manager/src/sources/resource-file.ts';
import { ruleText, ruleTexts } from '../../support/rule-texts.ts';
import { tarBlock } from '../../support/tar-bytes.ts';

const END = Buffer.alloc(1024);
const folder = mkdtempSync(join(tmpdir(), 'brules-hostile-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const tar = (...blocks: Parameters<typeof tarBlock>[0][]) => Buffer.concat([...blocks.map(tarBlock), END]);
const BOUNDS = { maxBytes: 4 * 2 ** 20, maxMembers: 50 };

async function read(bytes: Buffer, skipFaulty = false) {
  const source = await readSource('file', { bytes, digest: 'd' }, skipFaulty, BOUNDS);
  if (!source.ok) return { code: source.error.code, faults: source.file.faults };
  return { sids: [...source.rules].map(({ sid }) => sid), skipped: source.file.skipped };
}

test('an archive gives its rule files and nothing else; names are never paths', async () => {
  const archive = tar(
    { name: 'rules/', type: '5' },
    { name: '../../../../etc/cron.d/a.rules', content: ruleText(1) },
    { name: '/absolute/b.rules', content: ruleText(2) },
    { name: 'rules/deleted.rules', content: ruleText(3) },
    { name: 'rules/x.rules', type: '2', linkName: '/etc/shadow' },
    { name: 'rules/y.rules', type: '1', linkName: '/etc/shadow' },
    { name: 'rules/dev.rules', type: '3' },
    { name: 'rules/fifo.rules', type: '6' },
    { name: 'rules/script.sh', content: 'rm -rf /' },
    { name: 'classification.config', content: 'config' },
    { name: `rules/\u0007\u001b[31m.rules`, content: 'junk' },
  );
  expect(await read(archive)).toMatchObject({
    code: 'RULES_FILE_FAULTY',
    faults: [{ file: '??[31m.rules', line: 1, code: 'RULES_NOT_A_RULE' }],
  });
  expect(await read(gzipSync(archive), true)).toEqual({ sids: [1, 2], skipped: 1 });
});

test.each([
  [
    'more members than are read',
    () => tar(...Array.from({ length: 51 }, (_, n) => ({ name: `${String(n)}.txt` }))),
    'RULES_ARCHIVE_BOMB',
  ],
  ['zeros that unpack to a thousand times', () => gzipSync(Buffer.alloc(64 * 2 ** 20)), 'RULES_ARCHIVE_BOMB'],
  [
    'a size that is not there',
    () => tar({ name: 'a.rules', content: 'x', size: 2 ** 30 }),
    'RULES_ARCHIVE_BROKEN',
  ],
  [
    'a damaged header',
    () => Buffer.concat([tarBlock({ name: 'a.rules' }).fill(1, 0, 20), END]),
    'RULES_ARCHIVE_BROKEN',
  ],
  ['no end', () => tarBlock({ name: 'a.rules', content: ruleText(1) }), 'RULES_ARCHIVE_BROKEN'],
  ['half a gzip', () => gzipSync(ruleTexts(500)).subarray(0, 3_000), 'RULES_ARCHIVE_BROKEN'],
  [
    'an unknown kind of member',
    () => tar({ name: 'a.rules', type: 'Q', content: 'x' }),
    'RULES_ARCHIVE_BROKEN',
  ],
  [
    'a negative size',
    () => tar({ name: 'a.rules', edit: (header) => header.write('-0000000001\0', 124) }),
    'RULES_ARCHIVE_BROKEN',
  ],
  ['a web page', () => Buffer.from('<!DOCTYPE html><html>not found</html>'), 'RULES_FILE_TYPE'],
  ['a zip', () => Buffer.from('PK\u0003\u0004rest'), 'RULES_FILE_TYPE'],
  ['a program', () => Buffer.from('\u007fELF\u0002'), 'RULES_FILE_TYPE'],
  ['nothing', () => Buffer.alloc(0), 'RULES_FILE_EMPTY'],
  ['comments only', () => Buffer.from('# nothing here\n\n#\n'), 'RULES_FILE_EMPTY'],
  ['an archive without rules', () => tar({ name: 'README', content: 'hello' }), 'RULES_FILE_EMPTY'],
])('%s: refused', async (_what, bytes, code) => {
  expect(await read(bytes())).toMatchObject({ code });
});

test('lines of 10 MB, binary junk and a flood of empty lines are refused with their place, quickly', async () => {
  const began = performance.now();
  const long = Buffer.concat([
    Buffer.from(`${ruleText(1)}\nalert `),
    Buffer.alloc(3 * 2 ** 20, 'a'),
    Buffer.from(`\n${ruleText(2)}\n`),
  ]);
  expect(await read(long)).toMatchObject({
    faults: [{ file: 'file', line: 2, code: 'RULES_LINE_TOO_LONG' }],
  });
  const tenMegabytes = Buffer.alloc(10 * 2 ** 20, ' ');
  const alone = await readSource('file', { bytes: tenMegabytes, digest: 'd' }, false);
  expect(alone).toMatchObject({ ok: false, error: { code: 'RULES_FILE_FAULTY' } });
  const junk = Buffer.from(Array.from({ length: 200_000 }, (_, n) => (n * 7919 + (n >> 3)) & 255));
  expect(await read(junk)).toMatchObject({ code: 'RULES_FILE_FAULTY' });
  expect(await read(Buffer.alloc(2_100_000, '\n'))).toMatchObject({ code: 'RULES_RULESET_TOO_LARGE' });
  // Generous: what is quadratic would take minutes.
  expect(performance.now() - began).toBeLessThan(20_000);
});

test('a rule that would make a pattern run for ever is read at once', async () => {
  const began = performance.now();
  for (const text of [
    `alert ip${' '.repeat(7_900)}(`,
    `alert ip ${'a '.repeat(3_900)}(`,
    `alert ip any any -> any any (${'sid '.repeat(1_900)})`,
    `alert ip any any -> any any (${';'.repeat(7_900)})`,
    `alert ip any any -> any any (${'\\;'.repeat(3_900)})`,
    `# alert ip ${'sid '.repeat(1_900)}(`,
  ]) {
    expect(await read(Buffer.from(`${text}\n`.repeat(20)))).toHaveProperty('code');
  }
  expect(performance.now() - began).toBeLessThan(20_000);
});

test('links, pipes and too large files below resources are not read', async () => {
  writeFileSync(join(folder, 'big'), Buffer.alloc(2_000));
  symlinkSync('/etc/passwd', join(folder, 'link'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  await expect(readResource(folder, 'big', 1_000)).rejects.toMatchObject({ code: 'RULES_FILE_TOO_LARGE' });
  await expect(readResource(folder, 'link', 1_000)).rejects.toMatchObject({ code: 'RULES_FILE_UNREADABLE' });
  await expect(readResource(folder, 'pipe', 1_000)).rejects.toMatchObject({ code: 'RULES_FILE_UNREADABLE' });
  expect(await readResource(folder, 'none', 1_000)).toBeUndefined();
});

test('an index that is made to be slow or large is refused in time', () => {
  const began = performance.now();
  const head = 'version: 1\nsources:\n';
  const entry = (n: number) => `  v/e${String(n)}:\n    url: https://rules.example/${String(n)}\n`;
  for (const text of [
    '['.repeat(200_000),
    `${head}${Array.from({ length: 30_000 }, (_, n) => `  a${String(n)}: b\n`).join('')}`,
    `${head}${Array.from({ length: 1_001 }, (_, n) => entry(n)).join('')}`,
    `{${Array.from({ length: 20_000 }, (_, n) => `k${String(n)}`).join(',')}}`,
    'x'.repeat(300_000),
    `${head}  ../../etc/passwd:\n    url: https://rules.example/\n`,
    `${head}  __proto__:\n    url: https://rules.example/\n`,
  ]) {
    expect(() => parseIndex(Buffer.from(text))).toThrow(
      expect.objectContaining({ code: 'RULES_INDEX_INVALID' }),
    );
  }
  expect(performance.now() - began).toBeLessThan(30_000);
});
