import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLog } from '@bulkhead/platform/kernel';
import {
  collisions,
  containmentFaults,
  foreignRanges,
  ID_FILES,
  IDS_PER_CONTAINER,
  openRuntime,
  type Containment,
} from '@bulkhead/platform/runtime';
import { openAttacker, type Attacker } from './attacker.ts';

let evil: Attacker;

beforeAll(async () => {
  evil = await openAttacker('es1');
});

afterAll(async () => {
  await evil.at.dispose();
});

test('ABUSE 1: root in a container is nobody on the host, and no two containers share an id', async () => {
  const [one, two] = [await evil.launch('one'), await evil.launch('two')];
  for (const state of [one, two]) {
    for (const map of ['uid_map', 'gid_map']) {
      const lines = (await readFile(`/proc/${String(state.pid)}/${map}`, 'utf8')).trim().split('\n');
      expect(lines.map((line) => line.trim().split(/\s+/).map(Number))).toEqual([
        [0, state.idmapBase, IDS_PER_CONTAINER],
      ]);
    }
    expect(state.idmapBase).toBeGreaterThanOrEqual(IDS_PER_CONTAINER);
    const status = await readFile(`/proc/${String(state.pid)}/status`, 'utf8');
    expect(status).toMatch(new RegExp(`^Uid:(\\s+${String(state.idmapBase)}){4}$`, 'm'));
  }
  const ranges = (await evil.at.lxd.instances.listEverywhere()).map((instance) => ({
    owner: `${instance.project}/${instance.name}`,
    first: Number(instance.config['volatile.idmap.base']),
    count: IDS_PER_CONTAINER,
  }));
  expect(ranges.length).toBeGreaterThanOrEqual(2);
  expect(collisions(ranges)).toEqual([]);
});

test('ABUSE 2: system calls of every process inside are filtered, and what is not contained is not started', async () => {
  const { pid } = await evil.launch('three');
  const inside = await evil.at.runtime.containment('three');
  expect(inside).toMatchObject({ pid, seccompMode: 2 });
  const probe = await evil.at.project.instances.exec('three', { command: ['/sbin/init', 'cat'], stdin: '' });
  expect(probe.exitCode).toBe(0);
  expect(containmentFaults(inside)).toEqual([]);

  // The host's own PID 1 is the opposite of contained: the same reading of the kernel finds it out.
  const host = await readFile('/proc/self/status', 'utf8');
  expect(/^Seccomp:\s*(\d)$/m.exec(host)?.[1]).not.toBe('2');
  const bad: Containment = {
    pid: 1,
    idmap: { hostBase: 0, size: 4_294_967_295 },
    seccompMode: 0,
    apparmorAvailable: true,
    apparmorLabel: 'unconfined',
  };
  expect(containmentFaults(bad)).toEqual([
    'its root is the root of the host',
    'it has 4294967295 ids instead of a range of its own',
    'its system calls are not filtered (Seccomp: 0)',
    'AppArmor does not confine it (label: unconfined)',
  ]);
  const good = { ...bad, idmap: { hostBase: 165_536, size: 65_536 }, seccompMode: 2 };
  expect(containmentFaults({ ...good, apparmorLabel: 'lxd-x_</var/lib/lxd>' })).toEqual([]);
  expect(containmentFaults({ ...good, apparmorLabel: undefined })).toHaveLength(1);
});

test('ABUSE 110: a range that another user of the machine has is refused, and nothing is left', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-ids-'));
  try {
    const idFiles = { ...ID_FILES, subuid: join(dir, 'subuid') };
    await copyFile(ID_FILES.subuid, idFiles.subuid);
    const before = await readFile(idFiles.subuid, 'utf8');
    await writeFile(idFiles.subuid, `${before}alice:100000:10000000\n`);
    const runtime = openRuntime({ ...evil.at, log: openLog('runtime', 'fatal'), idFiles });
    await expect(runtime.create(await evil.at.spec('four'))).rejects.toMatchObject({
      code: 'RUNTIME_ID_RANGE_COLLISION',
      message: expect.stringContaining('alice') as string,
    });
    expect((await runtime.list()).map(({ name }) => name)).not.toContain('four');
    // The machine itself has no such user, or LXD would have been refused from the start.
    const root = { owner: 'LXD', first: 100_000 + IDS_PER_CONTAINER, count: 64 * IDS_PER_CONTAINER };
    expect(
      collisions([root, ...(await foreignRanges(ID_FILES))]).filter((text) => text.includes('LXD')),
    ).toEqual([]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
