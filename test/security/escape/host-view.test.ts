import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findSocket, isLxdError } from '@bulkhead/node-lxd';
import { sitePaths, site } from '@bulkhead/platform/kernel';
import { lxdName, type ContainerState } from '@bulkhead/platform/runtime';
import { openAttacker, succeeded, type Attacker } from './attacker.ts';

let evil: Attacker;
let peer: ContainerState;

beforeAll(async () => {
  evil = await openAttacker('es3');
  await evil.launch('evil');
  peer = await evil.launch('peer');
});

afterAll(async () => {
  await evil.at.dispose();
});

test('ABUSE 7: LXD’s socket for guests is not there', async () => {
  const tried = await evil.attack('evil', 'connect', '/dev/lxd/sock', '/dev/incus/sock');
  expect([...tried.values()]).toEqual(['ENOENT', 'ENOENT']);
});

test('ABUSE 8: sockets of LXD, sensord and the bus’s administration cannot be reached, by path, abstract name or port', async () => {
  const abstract = `@bulkhead-test-${randomBytes(6).toString('hex')}`;
  const onHost = createServer((socket) => socket.destroy());
  const tcp = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => onHost.listen(`\0${abstract.slice(1)}`, resolve));
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  try {
    const names = (await readFile('/proc/net/unix', 'utf8'))
      .split('\n')
      .map((line) => line.split(/\s+/)[7] ?? '')
      .filter((name) => name.length > 1 && name.length <= 108);
    expect(names.some((name) => name.startsWith(abstract))).toBe(true);
    const known = [
      await findSocket(),
      sitePaths(site()).sensordSocket,
      sitePaths(evil.at.site).sensordSocket,
    ];
    const tried = await evil.attack('evil', 'connect', ...new Set([...names, ...known]));
    expect(tried.size).toBeGreaterThanOrEqual(known.length);
    expect(succeeded(tried)).toEqual([]);

    const port = String((tcp.address() as { port: number }).port);
    const ports = ['127.0.0.1', port, '127.0.0.1', '8222', '127.0.0.1', '2024', '127.0.0.1', '8443'];
    const gateway = ['192.0.2.1', port, '10.0.0.1', port];
    expect(succeeded(await evil.attack('evil', 'tcp', ...ports, ...gateway))).toEqual([]);
    // The one port that is there is the bus, and only in here.
    expect(succeeded(await evil.attack('evil', 'tcp', '127.0.0.1', '4222'))).toEqual(['127.0.0.1:4222']);
  } finally {
    onHost.close();
    tcp.close();
  }
});

test('ABUSE 9: processes of the host and of neighbours are invisible and cannot be traced', async () => {
  const targets = [String(process.pid), String(peer.pid)];
  const tried = await evil.attack('evil', 'processes', ...targets);
  const seen = [...tried].filter(([what]) => what.startsWith('pid ')).map(([, comm]) => comm);
  expect(seen.sort()).toEqual(['hostile', 'init']);
  for (const pid of targets) {
    expect(tried.get(`kill ${pid}`)).toBe('ESRCH');
    expect(tried.get(`ptrace ${pid}`)).toMatch(/^E(PERM|SRCH)$/);
    expect(tried.get(`vm-read ${pid}`)).toMatch(/^E(PERM|SRCH)$/);
    expect(tried.get(`pidfd ${pid}`)).toBe('ESRCH');
  }
  expect(tried.get('ptrace 1')).toBe('EPERM');
});

test('ABUSE 15: programs of the host that pass through a container cannot be overwritten', async () => {
  const lxd = '/usr/bin/lxd';
  const before = await sha256(lxd);
  const hunting = evil.attack('evil', 'hunt', '8');
  let rounds = 0;
  let over = false;
  const hunted = hunting.finally(() => {
    over = true;
  });
  hunted.catch(() => undefined);
  const isOver = (): boolean => over;
  while (!isOver()) {
    // Both ways in which a program of the host enters: a command, and a file transfer.
    await evil.at.project.instances
      .exec('evil', { command: ['/sbin/init', 'exit7'] })
      .catch((error: unknown) => {
        if (!isLxdError(error, 'LXD_STREAM_LOST')) throw error; // it ran, which is what counts here
      });
    await evil.at.project.files.pull(lxdName(evil.at.site, 'evil'), '/sbin/init', { maxBytes: 4 << 20 });
    rounds += 1;
  }
  expect((await hunted).get('opened')).toBe('0');
  expect(rounds).toBeGreaterThan(2);
  expect(await sha256(lxd)).toBe(before);
});

async function sha256(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}
