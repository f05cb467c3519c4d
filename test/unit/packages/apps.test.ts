import { execFileSync } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { site, type Site } from '@bulkhead/platform/kernel';
import { loadPackage, placeApp, pruneApps } from '@bulkhead/platform/packages';

const MANIFEST = `apiVersion: bulkhead/1
name: probe
version: 1.0.0
title: Probe
description: A probe.
image: base
command: [/usr/bin/node, /opt/instrument/main.mjs]
asks: {}
volume: { sizeMib: 64 }
limits: { memoryMib: 64, cpuCores: 1, processes: 32, openFiles: 256 }
`;

let home: string;
let app: string;
let at: Site;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'bulkhead-apps-'));
  app = join(home, 'app');
  at = site({ cacheDir: join(home, 'cache') });
  await mkdir(join(app, 'files', 'rules'), { recursive: true });
  await writeFile(join(app, 'instrument.yaml'), MANIFEST);
  await writeFile(join(app, 'main.mjs'), 'console.log(1)\n');
  await writeFile(join(app, 'files', 'rules', 'a.rules'), 'alert\n');
  await writeFile(join(app, 'files', 'run'), '#!/bin/sh\n');
  await chmod(join(app, 'files', 'run'), 0o755);
});
afterEach(async () => {
  execFileSync('rm', ['-rf', home]);
});

test('the digest is that of names, contents and executable bits, not of owners and times', async () => {
  const first = await loadPackage(app);
  expect(first.digest).toMatch(/^[0-9a-f]{64}$/);
  expect(first.manifest.name).toBe('probe');
  await utimes(join(app, 'main.mjs'), 1, 1);
  await chmod(join(app, 'main.mjs'), 0o600);
  expect((await loadPackage(app)).digest).toBe(first.digest);
  await chmod(join(app, 'main.mjs'), 0o755);
  const executable = (await loadPackage(app)).digest;
  await chmod(join(app, 'main.mjs'), 0o644);
  await writeFile(join(app, 'main.mjs'), 'console.log(2)\n');
  const content = (await loadPackage(app)).digest;
  await mkdir(join(app, 'empty'));
  const folder = (await loadPackage(app)).digest;
  expect(new Set([first.digest, executable, content, folder]).size).toBe(4);
});

test('an app is placed whole, readable for every user and writable for none', async () => {
  const loaded = await loadPackage(app);
  const placed = await placeApp(loaded, at);
  expect(placed).toBe(join(home, 'cache', 'apps', loaded.digest));
  expect(await readFile(join(placed, 'files', 'rules', 'a.rules'), 'utf8')).toBe('alert\n');
  const modes = await Promise.all(
    ['.', 'files', 'files/rules', 'main.mjs', 'files/run'].map(async (path) =>
      ((await stat(join(placed, path))).mode & 0o7777).toString(8),
    ),
  );
  expect(modes).toEqual(['555', '555', '555', '444', '555']);
  expect((await loadPackage(placed)).digest).toBe(loaded.digest);
});

test('placing twice, also at the same time, gives one folder and leaves nothing else', async () => {
  const loaded = await loadPackage(app);
  const places = await Promise.all([placeApp(loaded, at), placeApp(loaded, at), placeApp(loaded, at)]);
  const inode = (await stat(await placeApp(loaded, at))).ino;
  expect((await stat(await placeApp(loaded, at))).ino).toBe(inode);
  expect(new Set(places).size).toBe(1);
  expect(await readdir(join(home, 'cache', 'apps'))).toEqual([loaded.digest]);
});

test('an app that somebody changed where it was placed is placed anew', async () => {
  const loaded = await loadPackage(app);
  const placed = await placeApp(loaded, at);
  await chmod(join(placed, 'main.mjs'), 0o644);
  await writeFile(join(placed, 'main.mjs'), 'evil()\n');
  expect(await placeApp(loaded, at)).toBe(placed);
  expect(await readFile(join(placed, 'main.mjs'), 'utf8')).toBe('console.log(1)\n');
  expect(await readdir(join(home, 'cache', 'apps'))).toEqual([loaded.digest]);
});

test('an app that changed after it was loaded is not placed', async () => {
  const loaded = await loadPackage(app);
  await writeFile(join(app, 'main.mjs'), 'console.log(3)\n');
  await expect(placeApp(loaded, at)).rejects.toMatchObject({ code: 'PACKAGES_FOLDER_CHANGED' });
  expect(await readdir(join(home, 'cache', 'apps'))).toEqual([]);
});

test('links, pipes and odd names are refused by name', async () => {
  await symlink('/etc/shadow', join(app, 'files', 'link'));
  await expect(loadPackage(app)).rejects.toMatchObject({
    code: 'PACKAGES_FOLDER_REFUSED',
    fields: { path: 'files/link' },
  });
  await rm(join(app, 'files', 'link'));
  execFileSync('mkfifo', [join(app, 'pipe')]);
  await expect(loadPackage(app)).rejects.toMatchObject({ fields: { path: 'pipe' } });
  await rm(join(app, 'pipe'));
  await writeFile(join(app, 'a\nb'), '');
  await expect(loadPackage(app)).rejects.toMatchObject({ code: 'PACKAGES_FOLDER_REFUSED' });
  await rm(join(app, 'a\nb'));
  await mkdir(join(app, ...Array.from({ length: 20 }, () => 'd')), { recursive: true });
  await expect(loadPackage(app)).rejects.toMatchObject({ code: 'PACKAGES_FOLDER_REFUSED' });
});

test('a folder without manifest, and no folder, are named', async () => {
  await rm(join(app, 'instrument.yaml'));
  await expect(loadPackage(app)).rejects.toMatchObject({ code: 'PACKAGES_MANIFEST_UNREADABLE' });
  await expect(loadPackage(join(home, 'absent'))).rejects.toMatchObject({
    code: 'PACKAGES_MANIFEST_UNREADABLE',
  });
});

test('apps that nothing uses any more are removed, and copies that a crash left', async () => {
  const kept = await loadPackage(app);
  await placeApp(kept, at);
  await writeFile(join(app, 'main.mjs'), 'console.log(4)\n');
  const old = await loadPackage(app);
  await placeApp(old, at);
  await mkdir(join(home, 'cache', 'apps', '.placing-0011'));
  expect((await pruneApps(at, new Set([kept.digest]))).sort()).toEqual(['.placing-0011', old.digest].sort());
  expect(await readdir(join(home, 'cache', 'apps'))).toEqual([kept.digest]);
});
