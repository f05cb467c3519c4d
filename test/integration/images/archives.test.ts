import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { site, sitePaths } from '@bulkhead/platform/kernel';
import { checkImageArchive } from '@bulkhead/platform/packages';
import { throwAwayRuntime, type ThrowAwayRuntime } from '../../support/lxd.ts';

const build = fileURLToPath(new URL('../../../images/build', import.meta.url));
const { imagesDir } = sitePaths(site());

interface Pointer {
  file: string;
  digest: string;
  suite: string;
  packages: Record<string, string>;
}
const pointer = (name: string) =>
  JSON.parse(readFileSync(join(imagesDir, `${name}.json`), 'utf8')) as Pointer;
const listing = (name: string) =>
  execFileSync('tar', ['--zstd', '-tvf', join(imagesDir, pointer(name).file)], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-images-'));
});
afterAll(async () => rm(dir, { recursive: true, force: true }));

describe.each(['base', 'suricata'])('the image %s', (name) => {
  test('passes the check of archives', async () => {
    const { file, digest } = pointer(name);
    expect(file).toBe(`${name}-${digest}.tar.zst`);
    const checked = await checkImageArchive(join(imagesDir, file));
    expect(checked.entries).toBeGreaterThan(1_000);
    expect(checked.fingerprint).toBe(
      execFileSync('sha256sum', [join(imagesDir, file)], { encoding: 'utf8' }).slice(0, 64),
    );
  });

  test('has what an instrument needs and nothing by which its program could become root', () => {
    const lines = listing(name).trim().split('\n');
    const paths = new Set(lines.map((line) => line.split(/\s+/)[5]));
    const mountPoints = [
      'run/bulkhead/',
      'run/instrument/',
      'opt/instrument/',
      'var/lib/instrument/',
      'tmp/',
      'proc/',
      'sys/',
      'dev/',
    ];
    for (const path of [
      ...mountPoints,
      'usr/sbin/init',
      'usr/bin/node',
      'usr/bin/tini',
      'usr/bin/setpriv',
      'usr/sbin/nft',
    ]) {
      expect(paths).toContain(`rootfs/${path}`);
    }
    expect(lines.filter((line) => /^.{3}[sS]|^.{6}[sS]/.test(line) && !line.startsWith('d'))).toEqual([]);
    expect(lines.filter((line) => /^[bcp]/.test(line))).toEqual([]);
    expect(
      [...paths].filter((path) => path?.startsWith('rootfs/dev/') === true && path !== 'rootfs/dev/'),
    ).toEqual([]);
    expect(
      [...paths].filter(
        (path) => path?.includes('/var/lib/apt') === true || path?.includes('/etc/apt') === true,
      ),
    ).toEqual([]);
  });

  test('says which packages it was made of', () => {
    const { suite, packages } = pointer(name);
    expect(suite).toBe('trixie');
    expect(packages['nodejs']).toMatch(/^(2[0-9]|[3-9][0-9])\./);
    expect(packages[name === 'base' ? 'tini' : 'suricata']).toBeDefined();
  });
});

describe('LXD', () => {
  let rig: ThrowAwayRuntime;
  beforeAll(async () => {
    rig = await throwAwayRuntime('im2');
  });
  afterAll(async () => rig.dispose());

  test('gives an image the fingerprint that the check found', async () => {
    expect(rig.image).toBe((await checkImageArchive(join(imagesDir, pointer('base').file))).fingerprint);
  });
});

describe('images/build', () => {
  test('builds nothing when nothing changed, in a blink', () => {
    const started = performance.now();
    const said = execFileSync(build, ['base', 'suricata'], { encoding: 'utf8' });
    expect(said).toBe('cached  base\ncached  suricata\n');
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('names an image that does not exist', () => {
    const result = spawnSync(build, ['nonsense'], { encoding: 'utf8' });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('there is no image nonsense');
  });

  test('without a mirror it fails with the reason and leaves nothing behind', async () => {
    // A network namespace without any interface up.
    const result = spawnSync('unshare', ['--net', build, '--cache-dir', dir, 'base'], {
      encoding: 'utf8',
      timeout: 110_000,
    });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('could not build the image base');
    expect(await readdir(join(dir, 'images'))).toEqual(['.lock']);
  });
});
