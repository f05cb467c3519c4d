import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLog } from '@bulkhead/platform/kernel';
import { cleanAuthor, cleanReason, normaliseDocument, RevisionStore } from '@bulkhead/platform/sensord';

const log = openLog('test', 'fatal');
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-revisions-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function given(text: string) {
  return {
    document: normaliseDocument(text),
    digest: 'a'.repeat(64),
    author: 'ada',
    reason: 'because',
    origin: 'apply' as const,
  };
}

/** A store with so many applied revisions. */
async function filled(count: number): Promise<RevisionStore> {
  const store = await RevisionStore.open(dir, log);
  for (let n = 1; n <= count; n += 1) {
    const { number } = await store.begin(given(`text ${String(n)}`));
    await store.commit(number);
  }
  return store;
}

describe('revisions', () => {
  test('are numbered, kept over a restart, and readable by root alone', async () => {
    await filled(3);
    const again = await RevisionStore.open(dir, log);
    expect(again.current).toMatchObject({ number: 3, document: 'text 3\n', author: 'ada' });
    expect(again.previous?.number).toBe(2);
    expect(again.list().map(({ result }) => result?.state)).toEqual(['applied', 'applied', 'applied']);
    expect(again.fault).toBeUndefined();
    expect(() => again.get(4)).toThrow(/no revision 4/);
  });

  test('one that was being brought in force when the sensor was killed is closed as failed', async () => {
    const store = await filled(2);
    await store.begin(given('half way'));
    const again = await RevisionStore.open(dir, log);
    expect(again.current?.number).toBe(2);
    expect(again.get(3).result).toMatchObject({ state: 'failed', rolledBackTo: 2 });
    expect((await again.begin(given('next'))).number).toBe(4);
  });

  test('killed between the pointer and the result: the pointer decides', async () => {
    await filled(2);
    await rm(join(dir, '2.result'));
    const again = await RevisionStore.open(dir, log);
    expect(again.current?.number).toBe(2);
    expect(again.get(2).result?.state).toBe('applied');
  });

  test('a failed one is never what is in force, even when a pointer says so', async () => {
    const store = await filled(1);
    const { number } = await store.begin(given('bad'));
    await store.fail(number, 'it did not work');
    await writeFile(join(dir, 'current'), JSON.stringify({ version: 1, revision: number }));
    const again = await RevisionStore.open(dir, log);
    expect(again.current?.number).toBe(1);
  });

  test.each([
    ['the pointer is cut', async () => writeFile(join(dir, 'current'), '{"vers')],
    ['the pointer is gone', async () => rm(join(dir, 'current'))],
    ['the pointer names nothing', async () => writeFile(join(dir, 'current'), '{"version":1,"revision":77}')],
  ])('%s: the newest applied one is in force, and it is said', async (_what, damage) => {
    await filled(3);
    await damage();
    const again = await RevisionStore.open(dir, log);
    expect(again.current?.number).toBe(3);
    expect(again.fault).toContain('damaged');
  });

  test('a flipped bit in the one in force: the one before is taken, the damaged file stays for a person', async () => {
    await filled(3);
    const path = join(dir, '3.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('text 3', 'text 2'));
    const again = await RevisionStore.open(dir, log);
    expect(again.current?.number).toBe(2);
    expect(again.fault).toContain('revision 3');
    expect((await again.begin(given('next'))).number).toBe(4);
    expect(await readFile(path, 'utf8')).toContain('text 2');
  });

  test('garbage in the folder keeps nothing from starting', async () => {
    await filled(2);
    await mkdir(join(dir, '7.json'));
    await symlink('/dev/zero', join(dir, '8.json'));
    await writeFile(join(dir, '9.json'), Buffer.alloc(9 << 20, 0x7b));
    await writeFile(join(dir, '0010.json'), '{}');
    await writeFile(join(dir, 'notes.txt'), 'mine');
    await writeFile(join(dir, '3.result'), 'x');
    await chmod(join(dir, 'notes.txt'), 0o000);
    const again = await RevisionStore.open(dir, log);
    expect(again.current?.number).toBe(2);
    expect((await again.begin(given('next'))).number).toBe(3);
    expect(again.get(3).result).toBeUndefined();
  });

  test('no more are kept than may be, by number and by size, and never not the one in force', async () => {
    const few = await RevisionStore.open(dir, log, { count: 3, bytes: 1 << 20 });
    for (let n = 1; n <= 6; n += 1) await few.commit((await few.begin(given(String(n)))).number);
    expect(few.list().map(({ revision }) => revision.number)).toEqual([4, 5, 6]);
    const small = await RevisionStore.open(dir, log, { count: 3, bytes: 1 });
    await small.commit((await small.begin(given('last'))).number);
    expect(small.list().map(({ revision }) => revision.number)).toEqual([7]);
    expect((await readdir(dir)).sort()).toEqual(['7.json', '7.result', 'current']);
  });
});

describe('what people write into the history', () => {
  test('is one line of plain characters, and bounded', () => {
    expect(cleanAuthor('ada\n*9  root \u001b[2J\u202Egnol')).toBe('ada *9 root [2J gnol');
    expect(cleanAuthor('\u0000')).toBe('unknown');
    expect(cleanAuthor('x'.repeat(1000)).length).toBeLessThanOrEqual(64);
    expect(cleanReason('😀'.repeat(1000)).length).toBeLessThanOrEqual(500);
  });

  test('documents differ only in what a person sees', () => {
    expect(normaliseDocument('\uFEFFa: 1\r\nb: 2\r\n\r\n')).toBe('a: 1\nb: 2\n');
  });
});
