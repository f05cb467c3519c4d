import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readContainer, useOf } from '../../../platform/sensord/use/container-use.ts';
import { lookAtMachine, memoryOf } from '../../../platform/sensord/use/machine.ts';

const LIMITS = { memoryMib: 64, cpuCores: 1.5, processes: 32, openFiles: 256 };
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'use-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const write = async (files: Record<string, string>) => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
};
const read = (pid = 7) => readContainer(pid, 1_000, { proc: join(dir, 'proc'), cgroups: join(dir, 'cg') });

test('a container of cgroup v2 is read as a whole, whatever groups it made inside', async () => {
  await write({
    'proc/7/cgroup': '0::/lxc.payload.bh-suricata/init.scope\n',
    'cg/lxc.payload.bh-suricata/memory.current': '5000\n',
    'cg/lxc.payload.bh-suricata/memory.stat': 'anon 1\ninactive_file 1000\n',
    'cg/lxc.payload.bh-suricata/cpu.stat': 'usage_usec 2500000\nuser_usec 1\n',
    'cg/lxc.payload.bh-suricata/pids.current': '12\n',
  });
  expect(await read()).toEqual({ atMs: 1_000, memoryBytes: 4_000, cpuSeconds: 2.5, processes: 12 });
});

test('and one of cgroup v1, where each controller has its own tree', async () => {
  const group = 'lxc.payload.bh-suricata';
  await write({
    'proc/7/cgroup': `9:name=systemd:/x\n8:pids:/${group}\n4:memory:/${group}\n2:cpuacct:/${group}\n0::/\n`,
    [`cg/memory/${group}/memory.usage_in_bytes`]: '5000\n',
    [`cg/memory/${group}/memory.stat`]: 'total_inactive_file 6000\n',
    [`cg/cpuacct/${group}/cpuacct.usage`]: '1500000000\n',
    [`cg/pids/${group}/pids.current`]: '3\n',
  });
  expect(await read()).toEqual({ atMs: 1_000, memoryBytes: 0, cpuSeconds: 1.5, processes: 3 });
});

test('what is no container, has just ended, or cannot be read as numbers is not known', async () => {
  expect(await read()).toBeUndefined();
  await write({ 'proc/7/cgroup': '0::/system.slice/other.service\n' });
  expect(await read()).toBeUndefined();
  await write({
    'proc/7/cgroup': '0::/lxc.payload.x\n',
    'cg/lxc.payload.x/memory.current': 'max\n',
    'cg/lxc.payload.x/memory.stat': 'inactive_file 0\n',
    'cg/lxc.payload.x/cpu.stat': 'usage_usec 1\n',
    'cg/lxc.payload.x/pids.current': '1\n',
  });
  expect(await read()).toBeUndefined();
});

test('the processors’ share is the mean since the look before', () => {
  const reading = (atMs: number, cpuSeconds: number) => ({ atMs, cpuSeconds, memoryBytes: 9, processes: 2 });
  expect(useOf(reading(30_000, 12), reading(15_000, 6), LIMITS)).toEqual({
    memoryBytes: 9,
    memoryLimitBytes: 64 * 1024 * 1024,
    cpuCores: 0.4,
    cpuLimitCores: 1.5,
    processes: 2,
    processesLimit: 32,
  });
  expect(useOf(reading(1, 12), undefined, LIMITS)).not.toHaveProperty('cpuCores');
  expect(useOf(reading(30_000, 1), reading(15_000, 6), LIMITS)).not.toHaveProperty('cpuCores');
});

test('the machine: memory in bytes, each filesystem once, folders that are not there left out', async () => {
  expect(memoryOf('MemTotal:       2048 kB\nMemFree: 1 kB\nMemAvailable:    1024 kB\n')).toEqual({
    memoryBytes: 2 * 1024 * 1024,
    memoryFreeBytes: 1024 * 1024,
  });
  const host = await lookAtMachine({ state: dir, cache: dir, none: join(dir, 'none') });
  expect(host.disks.map(({ what }) => what)).toEqual(['state']);
  expect(host.disks[0]?.totalBytes).toBeGreaterThan(host.disks[0]?.freeBytes ?? Infinity);
  expect(host.cpus).toBeGreaterThan(0);
  expect(host.memoryBytes).toBeGreaterThan(host.memoryFreeBytes);
});
