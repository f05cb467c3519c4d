import { chmod, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLog, run, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { openRuntime, type ContainerState } from '@bulkhead/platform/runtime';
import { throwAwayRuntime, type ThrowAwayRuntime } from '../../support/lxd.ts';
import { freePort } from '../../support/nats.ts';

/** A bridge with an address, as a machine may have one, and a network namespace behind it: "the LAN". */
const BRIDGE = 'b26br';
const LAN = 'b26-lan';
const HOST_ADDRESS = '198.51.100.217';

let at: ThrowAwayRuntime;
let port: number;
let socket: string;

beforeAll(async () => {
  at = await throwAwayRuntime('u26');
  // A port that nobody uses on the host: whoever answered there would be the page.
  port = await freePort();
  socket = sitePaths(at.site).pageSocket('web');
  await makeLan();
  // The instrument is hostile: it listens on every address that it has.
  const program = `require('http').createServer((q, r) => r.end('page of ' + q.url)).listen(${String(port)}, '::')`;
  await at.launch('web', { command: ['/usr/bin/node', '-e', program] });
  await at.launch('peer', { command: ['/usr/bin/sleep', 'infinity'] });
});

afterAll(async () => {
  await run('ip', ['link', 'del', BRIDGE], { allowFailure: true });
  await run('ip', ['netns', 'del', LAN], { allowFailure: true });
  await at.dispose();
});

test('ABUSE 26: a page is nowhere until it is granted; then root reaches it through its socket, and nobody else at all', async () => {
  await expect(stat(socket)).rejects.toMatchObject({ code: 'ENOENT' });
  await at.runtime.pages.serve('web', port);
  expect(await page()).toContain('page of /hello');
  expect((await web()).page).toEqual({ socket, port, alive: true });
  expect((await web()).drift).toEqual([]);
  // Other users of the machine, by the socket and by the folder.
  expect(await connectAs(65_534, { path: socket })).toBe('EACCES');
  const { mode, uid } = await stat(socket);
  expect([mode & 0o777, uid]).toEqual([0o600, 0]);
  await chmod(socket, 0o666);
  expect(await connectAs(65_534, { path: socket })).toBe('EACCES');
  await chmod(socket, 0o600);
  // The host's TCP, whoever asks, root included.
  for (const host of ['127.0.0.1', '::1', HOST_ADDRESS]) {
    expect(await connectAs(0, { host, port })).toBe('ECONNREFUSED');
  }
  const listening = await listeningSockets(await proxyPid());
  expect(listening).toContain('unix');
  expect(listening).not.toContain('tcp');
  // Another instrument: neither by network nor by file.
  expect(await connectInside('peer', { host: '127.0.0.1', port })).toBe('ECONNREFUSED');
  expect(await connectInside('peer', { host: HOST_ADDRESS, port })).toMatch(/ENETUNREACH|EHOSTUNREACH/);
  expect(await connectInside('peer', { path: socket })).toBe('ENOENT');
});

test('ABUSE 115: a bridge of the machine has an address: the page is not there for the LAN behind it', async () => {
  const ping = ['netns', 'exec', LAN, 'ping', '-c', '1', '-W', '1', HOST_ADDRESS];
  await waitFor(
    'the bridge',
    20_000,
    async () => (await run('ip', ping, { allowFailure: true })).exitCode === 0,
  );
  expect(await connectInLan({ host: HOST_ADDRESS, port })).toBe('ECONNREFUSED');
  // What routes for containers would be: there are none, and the page's own address leads to the LAN itself.
  expect(await connectInLan({ host: '127.0.0.1', port })).toMatch(/ECONNREFUSED|ENETUNREACH/);
});

test('ABUSE 26: another sensord adopts a page as it stands; a proxy that died is seen, and made anew', async () => {
  const other = openRuntime({ lxd: at.lxd, site: at.site, log: openLog('runtime', 'silent') });
  const before = await proxyPid();
  expect((await other.list()).find(({ name }) => name === 'web')?.page).toEqual({
    socket,
    port,
    alive: true,
  });
  await other.pages.serve('web', port);
  expect(await proxyPid()).toBe(before);
  process.kill(before, 'SIGKILL');
  await waitFor('the loss', 10_000, async () => (await web()).page?.alive === false);
  await other.pages.serve('web', port);
  expect(await page()).toContain('page of /hello');
  expect((await web()).drift).toEqual([]);
});

test('ABUSE 26: revoked, the page is gone with every connection on it, and the instrument runs on', async () => {
  const { pid } = await web();
  const open = await opened(socket);
  const closed = new Promise((resolve) => open.once('close', resolve));
  await at.runtime.pages.close('web');
  await closed;
  await expect(stat(socket)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await proxies()).toEqual([]);
  const after = await web();
  expect([after.pid, after.page, after.drift]).toEqual([pid, undefined, []]);
});

test('ABUSE 26: given while it is taken away and taken away while it is given: the last word holds', async () => {
  const turns = [at.runtime.pages.serve('web', port), at.runtime.pages.close('web')];
  await Promise.all(turns);
  expect((await web()).page).toBeUndefined();
  await expect(stat(socket)).rejects.toMatchObject({ code: 'ENOENT' });
  await Promise.all([at.runtime.pages.serve('web', port), at.runtime.pages.serve('web', port)]);
  expect(await proxies()).toHaveLength(1);
});

test('ABUSE 26: a device that leads elsewhere is drift', async () => {
  const device = {
    ...(await at.project.instances.get('web')).devices['web-page'],
    connect: 'tcp:127.0.0.1:22',
  };
  await at.project.instances.patch('web', { devices: { 'web-page': device } });
  expect((await web()).drift.join('; ')).toContain('device web-page: connect is "tcp:127.0.0.1:22"');
  await at.runtime.pages.close('web');
  expect((await web()).drift).toEqual([]);
});

test('ABUSE 26: in a folder that others may enter nothing is served', async () => {
  const { pagesDir } = sitePaths(at.site);
  await at.runtime.pages.close('web');
  await chmod(pagesDir, 0o755);
  await expect(at.runtime.pages.serve('web', port)).rejects.toMatchObject({ code: 'RUNTIME_PAGE_EXPOSED' });
  await chmod(pagesDir, 0o700);
  expect((await web()).page).toBeUndefined();
});

test('ABUSE 26: an instrument that ended has no page, however it ended, and none at its next start', async () => {
  await at.runtime.pages.serve('web', port);
  process.kill((await web()).pid, 'SIGKILL');
  await waitFor('the end', 20_000, async () => (await web()).status === 'stopped');
  await waitFor(
    'its proxy to end',
    20_000,
    async () => (await connectAs(0, { path: socket })) !== 'connected',
  );
  await at.runtime.start('web');
  expect((await web()).page).toBeUndefined();
  await at.runtime.pages.serve('web', port);
  await at.runtime.stop('web', { graceMs: 3_000 });
  await expect(stat(socket)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(at.runtime.pages.serve('web', port)).rejects.toMatchObject({ code: 'RUNTIME_NOT_RUNNING' });
  expect(await proxies()).toEqual([]);
});

async function makeLan(): Promise<void> {
  const ip = (...words: string[]) => run('ip', words);
  await ip('link', 'add', BRIDGE, 'type', 'bridge');
  await ip('addr', 'add', `${HOST_ADDRESS}/30`, 'dev', BRIDGE);
  await ip('netns', 'add', LAN);
  await ip('link', 'add', 'b26a', 'type', 'veth', 'peer', 'name', 'b26b', 'netns', LAN);
  await ip('link', 'set', 'b26a', 'master', BRIDGE, 'up');
  await ip('link', 'set', BRIDGE, 'up');
  await ip('-n', LAN, 'addr', 'add', '198.51.100.218/30', 'dev', 'b26b');
  await ip('-n', LAN, 'link', 'set', 'b26b', 'up');
}

async function web(): Promise<ContainerState> {
  const state = (await at.runtime.list()).find(({ name }) => name === 'web');
  if (state === undefined) throw new Error('the container is gone');
  return state;
}

/** What the page says, once its server listens. */
async function page(): Promise<string> {
  return waitFor('the page', 20_000, async () => {
    const client = await opened(socket).catch(() => undefined);
    if (client === undefined) return undefined;
    client.end('GET /hello HTTP/1.0\r\n\r\n');
    let text = '';
    for await (const chunk of client) text += String(chunk);
    return text === '' ? undefined : text;
  });
}

async function opened(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const client = connect({ path }, () => {
      resolve(client);
    });
    client.once('error', reject);
  });
}

type Target = { path: string } | { host: string; port: number };

/** A program that prints `connected`, or the code of the error. */
function attempt(target: Target): string[] {
  const code = `require('net').connect(${JSON.stringify({ ...target, timeout: 5000 })})
    .on('connect', function () { console.log('connected'); this.destroy(); })
    .on('timeout', function () { console.log('timeout'); this.destroy(); })
    .on('error', (e) => console.log(e.code))`;
  return ['-e', code];
}

async function connectAs(uid: number, target: Target): Promise<string> {
  const id = String(uid);
  const user = ['--reuid', id, '--regid', id, '--clear-groups', process.execPath];
  return (await run('setpriv', [...user, ...attempt(target)])).stdout.trim();
}

async function connectInLan(target: Target): Promise<string> {
  return (await run('ip', ['netns', 'exec', LAN, process.execPath, ...attempt(target)])).stdout.trim();
}

async function connectInside(name: string, target: Target): Promise<string> {
  const { stdout } = await at.project.instances.exec(name, {
    command: ['/usr/bin/node', ...attempt(target)],
    timeoutMs: 20_000,
  });
  return stdout.trim();
}

async function proxies(): Promise<number[]> {
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const args = (await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (args[1] === 'forkproxy' && args.includes(`unix:${socket}`)) found.push(Number(entry));
  }
  return found;
}

async function proxyPid(): Promise<number> {
  const [pid] = await proxies();
  if (pid === undefined) throw new Error('there is no proxy');
  return pid;
}

/** Families of the sockets that a process listens on, of those that its network namespace knows. */
async function listeningSockets(pid: number): Promise<string[]> {
  const fds = await readdir(`/proc/${String(pid)}/fd`);
  const links = await Promise.all(fds.map((fd) => readlink(`/proc/${String(pid)}/fd/${fd}`).catch(() => '')));
  const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const table = async (file: string) => (await readFile(`/proc/net/${file}`, 'utf8')).split('\n').slice(1);
  const tcp = [...(await table('tcp')), ...(await table('tcp6'))].filter((line) => {
    const words = line.trim().split(/\s+/);
    return words[3] === '0A' && inodes.has(words[9] ?? '');
  });
  // Flag 0x10000: accepts connections (proc_net(5), unix).
  const unix = (await table('unix')).filter((line) => {
    const words = line.trim().split(/\s+/);
    return words[3] === '00010000' && inodes.has(words[6] ?? '');
  });
  return [...tcp.map(() => 'tcp'), ...unix.map(() => 'unix')];
}
