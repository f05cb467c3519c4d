import { readdir, readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { lxdName } from '@bulkhead/platform/runtime';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { BOMB, openAttacker, type Attacker } from './attacker.ts';

let evil: Attacker;

beforeAll(async () => {
  evil = await openAttacker('es7', 'base');
  await evil.launch('neighbour');
});

afterEach(async () => {
  await evil.at.runtime.remove('bomb');
});

afterAll(async () => {
  await evil.at.dispose();
});

test('ABUSE 17: a fork bomb ends at the limit of processes', async () => {
  await launchBomb('fork', { processes: 40 });
  const line = await said(/forked=(\d+) (\w+)/);
  expect(Number(line[1])).toBeLessThan(40);
  expect(line[2]).toBe('EAGAIN');
  expect((await evil.at.project.instances.state('bomb')).processes).toBeLessThanOrEqual(40);
  await neighbourLives();
});

test('ABUSE 17: a memory bomb is killed inside its container', async () => {
  const before = await availableMib();
  await launchBomb('memory', { memoryMib: 64 });
  expect((await said(/memory=(\w+)/))[1]).toBe('killed');
  const { memory } = await evil.at.project.instances.state('bomb');
  expect(memory.usage).toBeLessThanOrEqual(64 << 20);
  expect(memory.swap_usage).toBeLessThanOrEqual(0);
  expect(before - (await availableMib())).toBeLessThan(2048);
  await neighbourLives();
});

test('ABUSE 17: open files end at the limit', async () => {
  await launchBomb('fd', { openFiles: 100 });
  const line = await said(/fds=(\d+) (\w+)/);
  expect(Number(line[1])).toBeLessThanOrEqual(100);
  expect(line[2]).toBe('EMFILE');
});

test('ABUSE 17: an endless log takes a bounded place on the host and is read in part', async () => {
  await launchBomb('log', { cpuCores: 0.5 });
  await sleep(4_000);
  const folder = join('/var/log/lxd', `${evil.at.site.lxdProject}_${lxdName(evil.at.site, 'bomb')}`);
  const files = await readdir(folder);
  expect(files).toContain('lxc.log');
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1 << 20);
  const lines = await evil.at.runtime.log('bomb', { lines: 5 });
  expect(lines.at(-1)).toMatch(/^L+$/);
  expect(lines.length).toBeLessThanOrEqual(5);
  expect(lines.join('').length).toBeLessThanOrEqual(5 * 2_000);
  await neighbourLives();
});

test('ABUSE 17: eight busy loops get no more than their share of processor time', async () => {
  const cores = 0.5;
  await launchBomb('cpu', { cpuCores: cores });
  const usage = async (): Promise<number> => (await evil.at.project.instances.state('bomb')).cpu.usage;
  await sleep(500);
  const [from, started] = [await usage(), performance.now()];
  await sleep(4_000);
  const used = (await usage()) - from;
  const share = used / 1e6 / (performance.now() - started);
  expect(share).toBeGreaterThan(0.01);
  expect(share).toBeLessThan(cores * 1.3);
  await neighbourLives();
});

async function launchBomb(
  kind: string,
  limits: Partial<Record<'processes' | 'memoryMib' | 'openFiles' | 'cpuCores', number>>,
) {
  return evil.launch('bomb', { command: [BOMB, kind], limits });
}

/** What the bomb said on its console. */
async function said(pattern: RegExp): Promise<RegExpExecArray> {
  return waitFor(`the bomb to say ${String(pattern)}`, 60_000, async () => {
    return pattern.exec((await evil.at.runtime.log('bomb', { lines: 50 })).join('\n')) ?? undefined;
  });
}

/** A neighbour still runs programs at once while the bomb goes on. */
async function neighbourLives(): Promise<void> {
  const started = performance.now();
  const result = await evil.at.project.instances.exec('neighbour', { command: ['/bin/echo', 'alive'] });
  expect(result.stdout).toBe('alive\n');
  expect(performance.now() - started).toBeLessThan(15_000);
}

async function availableMib(): Promise<number> {
  return Number(/^MemAvailable:\s+(\d+)/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1]) / 1024;
}
