import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linkName, openLog, run, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { openRuntime, type RuntimeEvent } from '@bulkhead/platform/runtime';
import { baseImage, throwAwayRuntime, type ThrowAwayRuntime } from '../../support/lxd.ts';

let at: ThrowAwayRuntime;

beforeAll(async () => {
  at = await throwAwayRuntime('b7r');
});

afterAll(async () => {
  await at.dispose();
});

test('a container is created, started contained, listed as created, stopped and removed; each is told', async () => {
  const events: RuntimeEvent[] = [];
  const stop = new AbortController();
  await at.runtime.watch((event) => events.push(event), stop.signal);
  const created = await at.launch('alpha', { start: false });
  expect(created.status).toBe('stopped');
  expect(created.idmapBase).toBeGreaterThan(0);
  const { pid } = await at.runtime.start('alpha');
  const [state] = await at.runtime.list();
  expect(state).toMatchObject({
    name: 'alpha',
    status: 'running',
    pid,
    drift: [],
    labels: { digest: 'test' },
    busProxy: true,
  });
  expect(await readFile(`/proc/${String(pid)}/uid_map`, 'utf8')).toContain(String(created.idmapBase));
  // The program is not root, not even inside, and holds no capability.
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  expect(status).toMatch(new RegExp(`^Uid:(\\s+${String(created.idmapBase + 1000)}){4}$`, 'm'));
  expect(status).toMatch(/^CapBnd:\s+0+$/m);
  expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
  await at.runtime.stop('alpha', { graceMs: 5_000 });
  await at.runtime.stop('alpha', { graceMs: 5_000 });
  expect((await at.runtime.list())[0]).toMatchObject({ status: 'stopped', pid: 0, busProxy: false });
  await at.runtime.remove('alpha');
  await at.runtime.remove('alpha');
  expect(await at.runtime.list()).toEqual([]);
  await waitFor('the removal to be told', 5_000, () => events.some(({ kind }) => kind === 'removed'));
  stop.abort();
  const kinds = events.filter(({ name }) => name === 'alpha').map(({ kind }) => kind);
  expect(events[0]?.kind).toBe('listening');
  expect(kinds.filter((kind) => ['created', 'started', 'stopped', 'removed'].includes(kind))).toEqual([
    'created',
    'started',
    'stopped',
    'removed',
  ]);
});

test('what a program writes is its log; a disk inside a disk is mounted in order', async () => {
  const { mountsDir, resourcesDir } = sitePaths(at.site);
  const [volume, resources] = [join(mountsDir, 'beta'), resourcesDir('beta')];
  await mkdir(join(volume, 'resources'), { recursive: true });
  await mkdir(resources, { recursive: true });
  await writeFile(join(resources, 'rules'), 'the rules\n', { mode: 0o644 });
  await at.launch('beta', {
    command: [
      '/bin/sh',
      '-c',
      'cat /var/lib/instrument/resources/rules; echo x > /var/lib/instrument/resources/y; sleep 60',
    ],
    disks: [
      { name: 'resources', source: resources, path: '/var/lib/instrument/resources', readonly: true },
      { name: 'a-volume', source: volume, path: '/var/lib/instrument', readonly: false },
    ],
  });
  const lines = await waitFor('the log', 10_000, async () => {
    const found = await at.runtime.log('beta', { lines: 10 });
    return found.length >= 2 && found;
  });
  expect(lines[0]).toBe('the rules');
  expect(lines[1]).toMatch(/Read-only file system|Permission denied/);
  await at.runtime.remove('beta');
});

test('a link goes in while the container runs, and comes back; a container is adopted by another process', async () => {
  const [host, inside] = [linkName(at.site, 'm', 'gamma/mon0'), linkName(at.site, 'c', 'gamma/mon0')];
  await run('ip', ['link', 'add', host, 'type', 'veth', 'peer', 'name', inside]);
  try {
    const { pid } = await at.launch('gamma', { links: [{ name: 'mon0', parent: inside }] });
    expect((await run('ip', ['-br', 'link'])).stdout).not.toContain(inside);
    expect((await run('nsenter', ['-t', String(pid), '-n', 'ip', '-br', 'link'])).stdout).toContain('mon0');
    const other = openRuntime({ ...at, log: openLog('runtime', 'error') });
    expect(await other.list()).toEqual(await at.runtime.list());
    await other.stop('gamma', { graceMs: 3_000 });
    expect((await run('ip', ['-br', 'link'])).stdout).toContain(inside);
    expect((await other.start('gamma')).pid).not.toBe(pid);
    expect((await other.list())[0]?.drift).toEqual([]);
    await other.remove('gamma');
  } finally {
    await run('ip', ['link', 'del', host], { allowFailure: true });
  }
});

test('an image is imported once, whoever asks how often; another file in its place is refused', async () => {
  const file = await baseImage();
  const all = await Promise.all([1, 2, 3].map(() => at.runtime.ensureImage(file)));
  expect(new Set(all)).toEqual(new Set([at.image]));
  expect(await at.project.images.list()).toHaveLength(1);
  await expect(at.runtime.ensureImage(file, '0'.repeat(64))).rejects.toMatchObject({
    code: 'RUNTIME_IMAGE_CHANGED',
  });
});

test('a container that cannot start says why, and leaves nothing that is in the way', async () => {
  const spec = await at.spec('delta');
  const extra = { ...spec.disks[0]!, name: 'extra', path: '/no/such/place' };
  await at.runtime.create({ ...spec, disks: [...spec.disks, extra] });
  await expect(at.runtime.start('delta')).rejects.toMatchObject({
    code: 'RUNTIME_START_FAILED',
    message: expect.stringContaining('/no/such/place') as string,
  });
  await at.runtime.remove('delta');
  await expect(at.runtime.start('delta')).rejects.toMatchObject({ code: 'LXD_NOT_FOUND' });
});

test('a program that ignores the request to stop is killed after its grace', async () => {
  await at.launch('stubborn', { command: ['/bin/sh', '-c', "trap '' TERM PWR; while :; do sleep 1; done"] });
  const started = performance.now();
  await at.runtime.stop('stubborn', { graceMs: 1_000 });
  expect(performance.now() - started).toBeLessThan(30_000);
  expect((await at.runtime.list()).find(({ name }) => name === 'stubborn')?.status).toBe('stopped');
  await at.runtime.remove('stubborn');
});
