import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IDS, StorageSite } from './storage-site.ts';
import { bundleProgram } from '../../support/bundle-program.ts';

let at: StorageSite;
beforeEach(async () => {
  at = await StorageSite.make();
});
afterEach(async () => {
  await at.clean();
});

/** Makes, opens, enlarges, closes and destroys volumes without end, until it is killed. */
const PROGRAM = (source: string) => `
import { openLog, site } from '${source}/kernel/index.ts';
import { openStorage } from '${source}/storage/index.ts';
const [stateDir, dir, startMib] = process.argv.slice(2);
const storage = await openStorage({ site: site({ prefix: 'bs1', stateDir, runDir: dir }), log: openLog('x', 'silent') });
console.log('ready');
const ids = { ownerId: ${String(IDS.ownerId)}, containerRootId: ${String(IDS.containerRootId)} };
for (let mib = Number(startMib); ; mib += 32) {
  await storage.ensure('kept', { sizeMib: mib });
  await storage.unlock('kept', ids);
  await storage.ensure('brief', { sizeMib: 32 });
  await storage.unlock('brief', ids);
  await storage.lock('kept');
  await storage.destroy('brief');
}`;

test('killed at any moment, the next start finds all data and leaves nothing mounted or half made', async () => {
  const source = new URL('../../../platform', import.meta.url).pathname;
  const bundle = join(at.dir, 'program.mjs');
  await bundleProgram(PROGRAM(source), bundle);
  const first = await at.open();
  await first.ensure('kept', { sizeMib: 64 });
  const { path } = await first.unlock('kept', IDS);
  await writeFile(join(path, 'persistent/data'), 'data');
  await first.lock('kept');
  await first.close();

  let sizeMib = 64;
  for (let round = 0; round < 12; round += 1) {
    const child = spawn(process.execPath, [bundle, at.site.stateDir, at.site.runDir, String(sizeMib)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await sleep(Math.random() * 900);
    expect(child.exitCode, 'it runs until it is killed').toBe(null);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;

    const storage = await at.open();
    const [volume] = (await storage.list()).filter((v) => v.name === 'kept');
    expect(volume?.sizeMib).toBeGreaterThanOrEqual(sizeMib);
    sizeMib = (volume?.sizeMib ?? 0) + 32;
    await storage.ensure('kept', { sizeMib });
    await storage.unlock('kept', IDS);
    expect(await readFile(join(path, 'persistent/data'), 'utf8')).toBe('data');
    expect(await readdir(join(path, 'transient'))).toEqual([]);
    await storage.lock('kept');
    await storage.destroy('brief');
    expect(await readdir(join(at.site.stateDir, 'volumes'))).toEqual(['kept.img']);
    expect((await readdir(join(at.site.stateDir, 'keys'))).sort()).toEqual([
      'platform.json',
      'sensor.key',
      'volume-kept.json',
    ]);
    expect(await at.leftovers()).toEqual([]);
    await storage.close();
  }
});
