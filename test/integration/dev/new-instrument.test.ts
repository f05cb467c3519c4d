import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '@bulkhead/platform/kernel';
import { loadPackage } from '@bulkhead/platform/packages';
import { blocksOf } from '../../support/readme.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const make = (...args: string[]) =>
  run(join(ROOT, 'scripts/new-instrument'), args, { allowFailure: true, timeoutMs: 60_000 });
let dir = '';

beforeAll(async () => {
  // Within the checkout: a new instrument finds the sdk and the tools above itself.
  await mkdir(join(ROOT, 'build'), { recursive: true });
  dir = await mkdtemp(join(ROOT, 'build', 'new-instrument-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

test('a new instrument in TypeScript type-checks, its test passes, and it is a package', async () => {
  const at = join(dir, 'first');
  expect((await make('first', '--dir', at)).exitCode).toBe(0);
  const program = (name: string, args: string[]) =>
    run(join(ROOT, 'node_modules/.bin', name), args, {
      cwd: ROOT,
      timeoutMs: 110_000,
      maxOutputBytes: 1 << 16,
    });
  await program('tsc', ['-p', at]);
  const { stdout } = await program('vitest', ['run', '--root', at]);
  expect(stdout).toMatch(/Tests.*1 passed/);
  const checked = await run(
    process.execPath,
    [join(ROOT, 'build/bulkhead.mjs'), '--json', 'instrument', 'check', '--static', at],
    { timeoutMs: 60_000 },
  );
  expect(JSON.parse(checked.stdout)).toMatchObject({
    passed: true,
    checks: [{ code: 'package', result: 'pass' }],
  });
});

test('the instrument of the README type-checks and is a package that asks for what the README says', async () => {
  const at = join(dir, 'noisy-hosts');
  expect((await make('noisy-hosts', '--dir', at)).exitCode).toBe(0);
  const chapter = 'An instrument in fifteen minutes';
  const [[asks = ''], [source = '']] = await Promise.all([
    blocksOf(chapter, 'yaml'),
    blocksOf(chapter, 'ts'),
  ]);
  const manifest = join(at, 'instrument.yaml');
  const template = await readFile(manifest, 'utf8');
  await writeFile(manifest, template.replace(/^asks:\n(?: .*\n)+/m, asks));
  await writeFile(join(at, 'src', 'app.ts'), source);
  await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', at], { cwd: ROOT, timeoutMs: 110_000 });
  expect((await loadPackage(at)).manifest.asks).toMatchObject({
    read: [{ from: 'suricata', type: 'alert' }],
    publish: ['host.noisy'],
    accept: [],
  });
});

test('a new instrument in Python passes its test and is a package', async () => {
  const at = join(dir, 'second');
  expect((await make('second', '--lang', 'python', '--dir', at)).exitCode).toBe(0);
  const { stderr } = await run('python3', ['-B', '-m', 'unittest', 'discover', '-s', join(at, 'test')]);
  expect(stderr).toContain('OK');
  expect((await loadPackage(at)).manifest).toMatchObject({ name: 'second', image: 'python' });
  expect(await readFile(join(at, 'README.md'), 'utf8')).not.toContain('__NAME__');
});

test('a bad name, an unknown language and a folder that is there are refused', async () => {
  for (const args of [
    [],
    ['Bad'],
    ['../x'],
    ['platform'],
    ['good', '--lang', 'perl'],
    ['good', '--dir', dir],
  ]) {
    const { exitCode, stderr } = await make(...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('scripts/new-instrument: ');
  }
});
