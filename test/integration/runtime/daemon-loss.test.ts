import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLxd } from '@bulkhead/node-lxd';
import { openLog, run, site, waitFor } from '@bulkhead/platform/kernel';
import { ensureLxdDaemon, type RuntimeEvent } from '@bulkhead/platform/runtime';
import { throwAwayRuntime, type ThrowAwayRuntime } from '../../support/lxd.ts';

/** A daemon of the test's own, with its own folder: the machine's is never touched. */
let dir: string;
let socket: string;
let at: ThrowAwayRuntime;
let bus: Server;
const log = openLog('runtime', 'error');

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-lxd-'));
  socket = join(dir, 'unix.socket');
  await ensureLxdDaemon({ site: site({ lxdSocket: socket }), log });
  at = await throwAwayRuntime('rt2', { socket, image: 'tiny' });
  bus = createServer((connection) => connection.end('hello from the bus\n'));
  await new Promise<void>((resolve) => bus.listen(at.site.natsPort, '127.0.0.1', resolve));
});

afterAll(async () => {
  bus.close();
  await ensureLxdDaemon({ site: site({ lxdSocket: socket }), log });
  await at.dispose();
  await stopDaemon('SIGTERM');
  for (const inner of ['devlxd', 'shmounts'])
    await run('umount', ['-l', join(dir, inner)], { allowFailure: true });
  await rm(dir, { recursive: true, force: true });
});

test('a daemon killed with SIGKILL is noticed and started again; containers run on with the same PIDs and reach the bus', async () => {
  const before = await at.launch('survivor');
  expect(await busFrom(before.pid)).toBe('hello from the bus\n');
  const events: RuntimeEvent[] = [];
  const stop = new AbortController();
  await at.runtime.watch((event) => events.push(event), stop.signal);
  expect(events.map(({ kind }) => kind)).toEqual(['listening']);

  await stopDaemon('SIGKILL');
  await waitFor('the loss to be noticed', 10_000, () => events.some(({ kind }) => kind === 'lost'));
  await expect(at.runtime.list()).rejects.toMatchObject({ code: 'LXD_UNREACHABLE' });
  expect(await readFile(`/proc/${String(before.pid)}/comm`, 'utf8')).toBe('init\n');

  const daemon = await ensureLxdDaemon({ site: at.site, log });
  expect(daemon.started).toBe(true);
  expect((await ensureLxdDaemon({ site: at.site, log })).started).toBe(false);
  await waitFor('the stream of events to be open again', 20_000, () => {
    return events.filter(({ kind }) => kind === 'listening').length === 2;
  });
  const after = (await at.runtime.list())[0];
  expect(after).toMatchObject({ name: 'survivor', status: 'running', pid: before.pid, drift: [] });

  await at.runtime.repairBusProxies();
  expect(await busFrom(before.pid)).toBe('hello from the bus\n');
  await at.runtime.stop('survivor', { graceMs: 5_000 });
  await waitFor('the stop to be told', 10_000, () => events.some(({ kind }) => kind === 'stopped'));
  stop.abort();
});

test('a proxy that died is noticed and started again while the container runs on', async () => {
  const { pid } = await at.launch('cut-off');
  const proxy = (await run('pgrep', ['-f', `forkproxy -- ${String(pid)} `])).stdout.trim();
  process.kill(Number(proxy), 'SIGKILL');
  await waitFor('the loss', 5_000, async () => (await state('cut-off'))?.busProxy === false);
  expect(await at.runtime.repairBusProxies()).toEqual(['cut-off']);
  expect(await state('cut-off')).toMatchObject({ pid, busProxy: true, drift: [] });
  expect(await busFrom(pid)).toBe('hello from the bus\n');
  expect(await at.runtime.repairBusProxies()).toEqual([]);
});

async function state(name: string) {
  return (await at.runtime.list()).find((container) => container.name === name);
}

/** What the bus says to somebody in the container's network. */
async function busFrom(pid: number): Promise<string> {
  const script = 'exec 3<>/dev/tcp/127.0.0.1/4222; cat <&3';
  return (await run('nsenter', ['-t', String(pid), '-n', 'bash', '-c', script], { timeoutMs: 10_000 }))
    .stdout;
}

/** Ends the test's own daemon, by the PID that it tells. */
async function stopDaemon(signal: NodeJS.Signals): Promise<void> {
  const lxd = await openLxd({ socket });
  const { server_pid: pid } = (await lxd.server()).environment;
  await lxd.close();
  process.kill(pid, signal);
  await waitFor('the daemon to be gone', 30_000, async () => {
    return !(await readFile(`/proc/${String(pid)}/stat`, 'utf8').then(
      (text) => !text.includes(') Z '),
      () => false,
    ));
  });
  await sleep(100);
}
