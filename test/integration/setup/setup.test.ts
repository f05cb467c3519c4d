import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const setup = fileURLToPath(new URL('../../../scripts/setup', import.meta.url));
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-setup-'));
});
afterAll(async () => rm(dir, { recursive: true, force: true }));

/** Looks at the machine as setup does first, after `prepare` changed it in a mount namespace. */
function setupAfter(prepare: string, cache: string): SpawnSyncReturns<string> {
  const command = `${prepare}\nexec "$0" "$@"`;
  const args = ['--mount', 'bash', '-ec', command, setup, '--check', '--json', '--cache-dir', cache];
  return spawnSync('unshare', args, { encoding: 'utf8', timeout: 60_000 });
}

const osRelease = (text: string) =>
  `file=$(mktemp); printf '${text}\\n' >$file; mount --bind $file /etc/os-release; rm $file`;

describe('setup refuses a machine that cannot run a sensor, before anything is touched', () => {
  const cases: [string, string, RegExp][] = [
    ['no loop devices', 'mount -t tmpfs tmpfs /dev', /missing loop devices/],
    [
      'no cgroups',
      'mount -t tmpfs tmpfs /sys/fs/cgroup',
      /missing cgroups: no controller for cpu memory pids/,
    ],
    ['no seccomp', 'mount -t tmpfs tmpfs /proc/sys/kernel/seccomp', /missing seccomp/],
    ['an ext4 without encryption', 'mount -t tmpfs tmpfs /sys/fs/ext4/features', /missing ext4 encryption/],
    [
      'no right to make network namespaces and load programs',
      'exec setpriv --bounding-set=-sys_admin,-bpf "$0" "$@"',
      /missing network namespaces[\s\S]*missing veth[\s\S]*missing nftables netdev[\s\S]*missing BPF/,
    ],
    [
      'another distribution',
      osRelease('ID=ubuntu\\nVERSION_ID="24.04"'),
      /needs Debian 12 or newer; this is ubuntu/,
    ],
    ['an old Debian', osRelease('ID=debian\\nVERSION_ID="11"'), /this is debian 11/],
    ['a full disk', 'mount -t tmpfs -o size=8m tmpfs /var/cache', /Only [0-9]+ MiB are free at \/var\/cache/],
  ];
  test.each(cases)('%s', async (what, prepare, reason) => {
    const cache = what === 'a full disk' ? '/var/cache/bulkhead' : join(dir, 'cache');
    const result = setupAfter(prepare, cache);
    expect(result.stderr).toMatch(reason);
    expect(result.stderr).toContain('Nothing was changed');
    expect(result.status).toBe(1);
    const report = JSON.parse(result.stdout) as { ok: boolean; problems: string[] };
    expect(report.ok).toBe(false);
    expect(report.problems.join('\n')).toMatch(reason);
    expect(await readdir(dir)).toEqual([]);
  });

  test('somebody who is not root', () => {
    const result = spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'bash', setup], {
      encoding: 'utf8',
    });
    expect(result.stderr).toContain('must run as root');
    expect(result.status).toBe(1);
  });

  test('arguments that it does not know', () => {
    const result = spawnSync(setup, ['--nonsense'], { encoding: 'utf8' });
    expect(result.stderr).toContain('unknown argument --nonsense');
    expect(result.status).toBe(2);
  });
});

test('--check says what it would write and changes nothing', async () => {
  const result = spawnSync(setup, ['--check', '--cache-dir', join(dir, 'absent')], { encoding: 'utf8' });
  expect(result.status).toBe(0);
  expect(result.stdout).toContain(`${join(dir, 'absent')}  tools`);
  expect(await readdir(dir)).not.toContain('absent');
});

test('on a machine that is ready it finds everything in place, in seconds', async () => {
  const report = join(dir, 'report.json');
  expect(spawnSync(setup, [], { encoding: 'utf8' }).status).toBe(0); // the checkout may have changed since
  const result = spawnSync(setup, ['--json', '--report', report], { encoding: 'utf8' });
  expect(result.status).toBe(0);
  const said = JSON.parse(result.stdout) as {
    ok: boolean;
    seconds: number;
    stages: { name: string; state: string }[];
  };
  expect(said).toMatchObject({ ok: true });
  expect(said.stages.map(({ name, state }) => `${name} ${state}`)).toEqual(
    ['packages', 'node', 'nats', 'npm', 'build', 'images'].map((name) => `${name} cached`),
  );
  expect(said.seconds).toBeLessThan(15);
  expect(JSON.parse(await readFile(report, 'utf8'))).toMatchObject({ ok: true });
});
