import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { throwAwayRuntime, type ThrowAwayRuntime } from '../../support/lxd.ts';

let at: ThrowAwayRuntime;

beforeAll(async () => {
  at = await throwAwayRuntime('rt1');
});

afterAll(async () => {
  await at.dispose();
});

test('a container is created, started contained, listed as created, stopped and removed', async () => {
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
  await at.runtime.stop('alpha', { graceMs: 5_000 });
  expect((await at.runtime.list())[0]).toMatchObject({ status: 'stopped', pid: 0, busProxy: false });
  await at.runtime.remove('alpha');
  await at.runtime.remove('alpha');
  expect(await at.runtime.list()).toEqual([]);
});
