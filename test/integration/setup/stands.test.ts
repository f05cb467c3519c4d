import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLxd, type LxdClient } from '@bulkhead/node-lxd';
import { run, waitFor } from '@bulkhead/platform/kernel';

const STANDS = fileURLToPath(new URL('../../../scripts/lint/stands.sh', import.meta.url));
const SOON_MS = 30_000;
let dir: string;
let lxd: LxdClient;
let cleanUp: (() => Promise<unknown>)[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-stands-'));
  lxd = await openLxd();
  cleanUp = [];
});
afterEach(async () => {
  for (const undo of cleanUp.reverse()) await undo();
  await lxd.close();
  await rm(dir, { recursive: true, force: true });
});

/** What scripts/test sees on the machine, for tests whose temporary folder is `dir`. */
async function seen(): Promise<string[]> {
  const { stdout } = await run('bash', ['-uc', `. "$0"; stands`, STANDS], {
    env: { ...process.env, TMPDIR: dir },
  });
  return stdout.trim().split('\n');
}

test('LXD projects and pools of tests, checks and sensors beside another are seen; those of people are not', async () => {
  const mark = randomBytes(3).toString('hex');
  const ours = [`bulkhead-b${mark}`, `bulkhead-test-${mark}`, `bulkhead-check-${mark}`];
  const names = [...ours, `bulkhead-x${mark}`, `somebody-bulkhead-b${mark}`];
  for (const name of names) {
    await lxd.projects.create({ name, config: {} });
    cleanUp.push(() => lxd.projects.delete(name));
    await lxd.storagePools.create({ name, driver: 'dir', config: {} });
    cleanUp.push(() => lxd.storagePools.delete(name));
  }
  const lines = (await seen()).filter((line) => line.startsWith('LXD') && line.includes(mark));
  expect(lines).toEqual(ours.flatMap((name) => [`LXD pool ${name}`, `LXD project ${name}`]).sort());
});

test('folders of sensors beside another are seen, and not the folder that holds them', async () => {
  const name = `b-${randomBytes(3).toString('hex')}`;
  const expected: string[] = [];
  for (const place of ['/run', '/var/lib']) {
    for (const kind of ['beside', 'check', 'test']) {
      const folder = `${place}/bulkhead-${kind}/${name}`;
      await mkdir(folder, { recursive: true });
      cleanUp.push(() => rm(folder, { recursive: true }));
      expected.push(`folder ${folder}`);
    }
  }
  const lines = await seen();
  expect(lines.filter((line) => line.includes(name))).toEqual(expected);
  expect(lines.filter((line) => /^folder \S*bulkhead-beside$/.test(line))).toEqual([]);
});

test('a browser that a test forgot is seen, with its helpers; one of somebody else is not', async () => {
  const program = async (name: string, ...args: string[]): Promise<number> => {
    const file = join(dir, name);
    // Stays until its input ends, and has the name that a browser has.
    await writeFile(file, '#!/bin/sh\nread -r line\n', { mode: 0o755 });
    const child = spawn(file, args, { stdio: ['pipe', 'ignore', 'ignore'] });
    const ended = once(child, 'exit');
    cleanUp.push(async () => {
      child.stdin.end();
      await ended;
    });
    await once(child, 'spawn');
    return child.pid ?? 0;
  };
  const browser = await program('chromium', '--headless', `--user-data-dir=${dir}/playwright_profile-1`);
  const helper = await program('chrome_crashpad', '--monitor-self', `--database=${dir}/browser-1/Crash`);
  const others = [
    await program('chromium', '--user-data-dir=/home/somebody/.config/chromium'),
    await program('chromium', `--user-data-dir=${dir}-of-another/profile`),
    await program('something', `--user-data-dir=${dir}/profile`),
  ];
  const lines = await waitFor('both to be seen', SOON_MS, async () => {
    const all = await seen();
    return all.includes(`process ${String(browser)} chromium`) ? all : undefined;
  });
  expect(lines).toContain(`process ${String(helper)} chrome_crashpad`);
  expect(lines.filter((line) => others.some((pid) => line.startsWith(`process ${String(pid)} `)))).toEqual(
    [],
  );
});
