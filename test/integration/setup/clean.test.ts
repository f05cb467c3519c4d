import { execFileSync, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const scripts = fileURLToPath(new URL('../../../scripts', import.meta.url));
let home: string;
let checkout: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'bulkhead-clean-'));
  checkout = join(home, 'checkout');
  for (const folder of [
    'checkout/scripts',
    'checkout/build',
    'checkout/node_modules/x',
    'checkout/platform',
    'cache/tools',
    'cache/images',
  ]) {
    await mkdir(join(home, folder), { recursive: true });
  }
  await cp(join(scripts, 'clean'), join(checkout, 'scripts', 'clean'));
  await cp('/usr/bin/tail', join(home, 'cache/tools/nats-server')); // runs on when told to follow a file
});
afterEach(async () => rm(home, { recursive: true, force: true }));

/** Runs a copy of clean where /run and /var/lib are its own: it sees no LXD, and nothing of this machine is in reach. */
function clean(
  prepare: string,
  ...options: readonly string[]
): { status: number | null; said: string; after: string } {
  const command = `
    mount --make-rprivate /
    mount -t tmpfs tmpfs /run && mkdir -p /run/bulkhead
    keep=$(mktemp -d); mount --bind /var/lib/dpkg "$keep"
    mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/dpkg /var/lib/bulkhead/setup
    mount --move "$keep" /var/lib/dpkg; rmdir "$keep"
    ${prepare}
    status=0; "$@" || status=$?
    echo "== after"; find /run/bulkhead /var/lib/bulkhead -mindepth 1 2>/dev/null | sort
    exit $status`;
  const args = [
    '--mount',
    'bash',
    '-ec',
    command,
    '_',
    join(checkout, 'scripts/clean'),
    '--cache-dir',
    join(home, 'cache'),
    ...options,
  ];
  const result = spawnSync('unshare', args, { encoding: 'utf8', timeout: 60_000 });
  const [said = '', after = ''] = result.stdout.split('== after\n');
  return { status: result.status, said: said + result.stderr, after };
}

test('removes caches and build outputs, keeps recordings and says so', async () => {
  const { status, said, after } = clean('mkdir -p /var/lib/bulkhead/lab; echo x >/var/lib/bulkhead/lab/key');
  expect(said).toContain('Recorded data and keys stay');
  expect(status).toBe(0);
  expect(await readdir(home)).toEqual(['checkout']);
  expect((await readdir(checkout)).sort()).toEqual(['platform', 'scripts']);
  expect(after).toContain('/var/lib/bulkhead/lab/key');
  expect(after).not.toContain('/run/bulkhead');
});

test('--data removes recordings too, unmounts what is mounted there, and never goes through a mount', async () => {
  await mkdir(join(home, 'elsewhere'));
  await writeFile(join(home, 'elsewhere', 'precious'), 'x');
  const { status, after } = clean(
    `mkdir -p /var/lib/bulkhead/lab/mounts/a; mount --bind ${join(home, 'elsewhere')} /var/lib/bulkhead/lab/mounts/a`,
    '--data',
  );
  expect(status).toBe(0);
  expect(after).toBe('');
  expect(await readdir(join(home, 'elsewhere'))).toEqual(['precious']);
});

test('--dry-run says all of it and does none', async () => {
  const { status, said, after } = clean('mkdir -p /var/lib/bulkhead/lab', '--dry-run', '--data');
  expect(status).toBe(0);
  expect(said).toContain(`would: delete ${join(home, 'cache')}`);
  expect(said).toContain('would: delete /var/lib/bulkhead/lab');
  expect(said).toContain('Nothing was changed.');
  expect((await readdir(home)).sort()).toEqual(['cache', 'checkout']);
  expect(after).toContain('/var/lib/bulkhead/lab');
});

test('refuses while a sensor listens', async () => {
  const listen = `node -e 'require("node:net").createServer().listen("/run/bulkhead/sensord.sock"); setTimeout(() => process.exit(), 20000)' &
    for i in $(seq 100); do [ -S /run/bulkhead/sensord.sock ] && break; sleep 0.05; done; sleep 0.1`;
  const { status, said } = clean(listen.replace(' &\n', ' >/dev/null 2>&1 &\n'));
  expect(said).toContain('a sensor is running');
  expect(status).toBe(1);
  expect((await readdir(home)).sort()).toEqual(['cache', 'checkout']);
});

test('ends a nats-server of ours that was left running, and no other', () => {
  const server = join(home, 'cache/tools/nats-server');
  const follow = (path: string) =>
    `mkdir -p ${dirname(path)}; touch ${path}; ${server} -f ${path} >/dev/null 2>&1 &`;
  const others = join(home, 'elsewhere/nats.conf');
  const { status, said } = clean(`${follow('/run/bulkhead/bus/nats.conf')} ${follow(others)} sleep 0.3`);
  expect(said.match(/end nats-server \(process \d+\)/g)).toHaveLength(1);
  expect(status).toBe(0);
  const left = spawnSync('pgrep', ['-f', `${server} -f`], { encoding: 'utf8' })
    .stdout.trim()
    .split('\n');
  expect(left).toHaveLength(1);
  for (const pid of left) process.kill(Number(pid));
});

test('packages that others need are not removed, nor those without which there is no Debian', () => {
  const list = (name: string) => `echo ${name} >/var/lib/bulkhead/setup/installed-packages`;
  const needed = clean(list('libmnl0'), '--packages', '--yes');
  expect(needed.said).toMatch(/other packages need some of these, so none is removed: .*iproute2/);
  expect(needed.status).toBe(1);
  const essential = clean(list('libc6'), '--packages', '--yes');
  expect(essential.said).toMatch(/apt refuses to remove them|other packages need/);
  expect(essential.status).toBe(1);
  const state = execFileSync('dpkg-query', ['-W', '-f=${db:Status-Status} ', 'libc6', 'libmnl0'], {
    encoding: 'utf8',
  });
  expect(state).toBe('installed installed ');
});

test('packages are not removed without consent', () => {
  const list = 'echo ca-certificates-absent >/var/lib/bulkhead/setup/installed-packages';
  expect(clean(list, '--packages').said).toContain('gone already');
  expect(clean('', '--packages').said).toContain('installed no Debian packages');
});
