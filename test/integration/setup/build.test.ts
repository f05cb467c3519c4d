import { spawnSync } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadPackage } from '@bulkhead/platform/packages';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const build = join(root, 'scripts/build');

function run(...options: readonly string[]): string {
  const result = spawnSync(build, options, { encoding: 'utf8', timeout: 60_000 });
  expect(result.stderr).toBe('');
  expect(result.status).toBe(0);
  return result.stdout;
}

beforeAll(() => {
  run('programs');
});

describe('scripts/build', () => {
  test('builds nothing when nothing changed', () => {
    const started = performance.now();
    expect(run('programs')).toBe('programs: unchanged\n');
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('every instrument is an app that can be loaded', async () => {
    const instruments = (await readdir(join(root, 'instruments'), { withFileTypes: true })).filter((entry) =>
      entry.isDirectory(),
    );
    const apps = await readdir(join(root, 'build/apps'));
    expect(apps.length).toBeGreaterThan(0);
    for (const app of apps) {
      expect(instruments.map(({ name }) => name)).toContain(app);
      const { manifest } = await loadPackage(join(root, 'build/apps', app));
      expect(manifest.name).toBe(app);
      expect((await stat(join(root, 'build/apps', app, 'main.mjs'))).size).toBeGreaterThan(10_000);
    }
  });

  test('programs are single files: they run where there is no node_modules', () => {
    const result = spawnSync('node', [join(root, 'build/bulkhead.mjs'), '--help'], {
      encoding: 'utf8',
      cwd: '/',
    });
    expect(result.stdout).toContain('Usage: bulkhead');
    expect(result.status).toBe(0);
  });

  test('says what it does not know', () => {
    const result = spawnSync(build, ['nonsense'], { encoding: 'utf8' });
    expect(result.stderr).toContain('unknown argument nonsense');
    expect(result.status).toBe(1);
  });
});
