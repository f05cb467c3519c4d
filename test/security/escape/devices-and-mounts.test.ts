import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAttacker, succeeded, type Attacker } from './attacker.ts';

/** Everything below /dev, as LXC makes it. */
const DEVICES: Readonly<Record<string, string>> = {
  '/dev/.lxc-boot-id': 'file',
  '/dev/.lxd-mounts': 'dir',
  '/dev/console': 'char 136:0',
  '/dev/fd': 'link',
  '/dev/full': 'char 1:7',
  '/dev/fuse': 'char 10:229',
  '/dev/net': 'dir',
  '/dev/net/tun': 'char 10:200',
  '/dev/null': 'char 1:3',
  '/dev/ptmx': 'char 5:2',
  '/dev/pts': 'dir',
  '/dev/pts/0': 'char 136:0',
  '/dev/pts/ptmx': 'char 5:2',
  '/dev/random': 'char 1:8',
  '/dev/stderr': 'link',
  '/dev/stdin': 'link',
  '/dev/stdout': 'link',
  '/dev/tty': 'char 5:0',
  '/dev/urandom': 'char 1:9',
  '/dev/zero': 'char 1:5',
};

/** Directories that LXC makes for what it mounts elsewhere; empty. */
const EMPTY_PLACES = ['/dev/mqueue', '/dev/shm', '/dev/hugepages'];

/** Knobs that belong to the container's own namespaces: network, IPC, PIDs, user. */
const OWN_KNOBS =
  /^\/proc\/sys\/(?:net\/|user\/|fs\/mqueue\/|kernel\/(?:auto_msgmni|msg|sem|shm|ns_last_pid|pid_max|hostname|domainname))/;

let evil: Attacker;
let base: Attacker;

beforeAll(async () => {
  evil = await openAttacker('es4');
  await evil.launch('evil');
  base = await openAttacker('es5', 'base');
  await base.launch('sealed');
});

afterAll(async () => {
  await evil.at.dispose();
  await base.at.dispose();
});

test('ABUSE 4: device nodes cannot be made, and /dev holds what is listed and no more', async () => {
  const made = await evil.attack('evil', 'mknod', '/tmp');
  expect(made.size).toBe(7);
  expect([...made.values()]).toEqual(Array.from({ length: 7 }, () => 'EPERM'));
  const found = await evil.attack('evil', 'devices');
  const known = [...found].filter(([path]) => !EMPTY_PLACES.includes(path));
  // Devices that this kernel lacks (fuse, tun are modules elsewhere) may be missing; none may be more.
  expect(known.filter(([path, kind]) => DEVICES[path] !== kind)).toEqual([]);
  expect(Object.fromEntries(known)).toMatchObject({ '/dev/null': 'char 1:3', '/dev/urandom': 'char 1:9' });
});

test('ABUSE 5: host disks, debugging and device file systems cannot be mounted, and what can is the container’s own', async () => {
  const tried = await evil.attack('evil', 'mounts');
  for (const what of ['devtmpfs', 'debugfs', 'tracefs', 'securityfs', 'bpf', 'ext4', 'btrfs', 'cgroup-own']) {
    expect([what, tried.get(what)]).toEqual([what, 'EPERM']);
  }
  expect(tried.get('remount-root')).toBe('EPERM');
  expect(tried.get('remount-run')).toBe('EPERM');
  expect(tried.get('root-rw')).not.toBe('ok');
  // Root of a user namespace may mount views of its own namespaces. They show and change nothing of the host:
  const releases = ['memory', 'devices'].flatMap((name) => [
    `/tmp/m-cgroup-${name}/release_agent`,
    '/tmp/hostile',
  ]);
  const escaped = await evil.attack(
    'evil',
    'write',
    ...releases,
    '/tmp/m-cgroup2/release_agent',
    '/tmp/hostile',
  );
  expect(succeeded(escaped)).toEqual([]);
  if (tried.get('proc') === 'ok') {
    const knobs = succeeded(await evil.attack('evil', 'writable', '/tmp/m-proc/sys'));
    expect(
      knobs.map((path) => path.replace('/tmp/m-proc', '/proc')).filter((path) => !OWN_KNOBS.test(path)),
    ).toEqual([]);
  }
});

test('ABUSE 5: in the image of an instrument nothing at all can be mounted, not even by uid 0', async () => {
  const tried = await base.attack('sealed', 'mounts');
  expect(tried.size).toBeGreaterThan(15);
  expect(succeeded(tried)).toEqual([]);
});

test('ABUSE 10: core_pattern, kernel settings and SysRq cannot be written', async () => {
  const before = await knobsOfHost();
  const tried = await evil.attack(
    'evil',
    'write',
    ...['/proc/sys/kernel/core_pattern', '|/tmp/hostile'],
    ...['/proc/sysrq-trigger', 'h'],
    ...['/proc/sys/kernel/sysrq', '511'],
    ...['/proc/sys/kernel/modprobe', '/tmp/hostile'],
    ...['/proc/sys/kernel/panic_on_oops', '1'],
    ...['/proc/sys/vm/drop_caches', '3'],
    ...['/proc/sys/fs/binfmt_misc/register', ':hostile:M::x::/tmp/hostile:'],
    ...['/sys/kernel/uevent_helper', '/tmp/hostile'],
  );
  expect(tried.size).toBe(8);
  expect(succeeded(tried)).toEqual([]);
  expect(
    succeeded(await evil.attack('evil', 'writable', '/proc/sys')).filter((path) => !OWN_KNOBS.test(path)),
  ).toEqual([]);
  const inSys = succeeded(
    await evil.attack('evil', 'writable', '/sys', '/proc/irq', '/proc/bus', '/proc/fs'),
  );
  expect(inSys.filter((path) => !/^\/sys\/devices\/virtual\/net\/lo\//.test(path))).toEqual([]);
  expect(await knobsOfHost()).toEqual(before);
});

test('ABUSE 14: limits and devices of its control group cannot be rewritten', async () => {
  await evil.attack('evil', 'mounts');
  const files = {
    'cgroup-devices': ['devices.allow', 'devices.deny'],
    'cgroup-memory': ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes', 'memory.oom_control'],
    cgroup2: ['memory.max', 'memory.high', 'pids.max', 'cpu.max', 'cgroup.freeze', 'cgroup.kill'],
  };
  const paths = Object.entries(files).flatMap(([mount, names]) =>
    names.map((name) => `/tmp/m-${mount}/${name}`),
  );
  const tried = await evil.attack('evil', 'write', ...paths.flatMap((path) => [path, 'a']));
  expect(succeeded(tried)).toEqual([]);
  const writable = succeeded(
    await evil.attack('evil', 'writable', ...Object.keys(files).map((mount) => `/tmp/m-${mount}`)),
  );
  // Only what sorts its own processes below its own group.
  expect(
    writable.filter((path) => !/\/(?:tasks|cgroup\.(?:procs|threads|subtree_control))$/.test(path)),
  ).toEqual([]);
});

async function knobsOfHost(): Promise<string[]> {
  return Promise.all(
    ['kernel/core_pattern', 'vm/overcommit_memory', 'kernel/randomize_va_space'].map((name) =>
      readFile(`/proc/sys/${name}`, 'utf8'),
    ),
  );
}
