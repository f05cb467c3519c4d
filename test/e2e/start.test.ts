import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { run, type CommandResult } from '@bulkhead/platform/kernel';
import { makePcap } from '../support/lab-frames.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PREFIX = 'b5';

/** What `--once --json` prints. */
interface Report {
  ok: boolean;
  failedStage?: string;
  stages: { name: string; seconds: number; ok: boolean }[];
  versions?: Record<string, string>;
  counts?: { events: number; alerts: number; checksPassed: number };
  losses?: { received: number; lost: number }[];
  alert?: { type: string };
  check?: { record: { nonce: string } };
  leftBehind: string[];
}

async function start(...args: string[]): Promise<CommandResult> {
  return run(join(ROOT, 'scripts', 'start'), ['--no-setup', '--beside', PREFIX, ...args], {
    timeoutMs: 880_000,
    allowFailure: true,
  });
}

/** Names of this run's things in the kernel. */
async function traces(): Promise<string> {
  const links = await run('ip', ['-o', 'link']);
  const namespaces = await run('ip', ['netns']);
  const tables = await run('nft', ['list', 'tables']);
  return [links, namespaces, tables]
    .flatMap(({ stdout }) => stdout.split('\n'))
    .filter((line) => line.includes(` ${PREFIX}`) || line.startsWith(`${PREFIX}-`))
    .join('\n');
}

afterAll(async () => {
  const args = [
    '--prefix',
    PREFIX,
    '--lxd-project',
    `bulkhead-${PREFIX}`,
    '--lxd-pool',
    `bulkhead-${PREFIX}`,
  ];
  const dirs = [
    '--state-dir',
    `/var/lib/bulkhead-beside/${PREFIX}`,
    '--run-dir',
    `/run/bulkhead-beside/${PREFIX}`,
  ];
  const sensord = join(ROOT, 'build', 'sensord.mjs');
  await run(process.execPath, [sensord, '--take-down', '--everything', ...args, ...dirs], {
    timeoutMs: 120_000,
  });
  for (const dir of ['/var/lib/bulkhead-beside', '/run/bulkhead-beside'])
    await rm(join(dir, PREFIX), { recursive: true, force: true });
});

describe('scripts/start --once --json', () => {
  test(
    'runs a sensor on the lab until an alert and a detection check are stored, prints one object, leaves nothing',
    { timeout: 900_000 },
    async () => {
      const { exitCode, stdout, stderr } = await start('--once', '--json');
      const report = JSON.parse(stdout) as Report;
      expect(report, stderr).toMatchObject({ ok: true, leftBehind: [], alert: { type: 'alert' } });
      expect(exitCode).toBe(0);
      expect(report.check?.record.nonce).toMatch(/^[0-9a-f]{32}$/);
      expect(report.stages.map(({ name }) => name)).toEqual([
        'setup',
        'remains',
        'network',
        'sensor',
        'instruments',
        'check',
        'alert',
        'rules-fetched',
        'rules-live',
        'fetched-alert',
        'alert-names',
        'teardown',
      ]);
      expect(report.stages.filter(({ ok }) => !ok)).toEqual([]);
      expect(report.versions).toHaveProperty('suricata');
      expect(report.versions).toHaveProperty('nats-server');
      expect(report.counts?.alerts).toBeGreaterThan(0);
      expect(report.losses?.[0]).toMatchObject({ lost: 0 });
      expect(await traces()).toBe('');
    },
  );

  test('names the stage that failed and exits non-zero: a device that does not exist', async () => {
    const { exitCode, stdout, stderr } = await start('--once', '--json', '--interface', 'b5none');
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, failedStage: 'network', leftBehind: [] });
    expect(stderr).toContain('START_INTERFACE_REFUSED');
    expect(await traces()).toBe('');
  });

  test('ABUSE 116: the NIC that carries an address is refused before anything is touched', async () => {
    await run('ip', ['link', 'add', 'b5addr', 'type', 'veth', 'peer', 'name', 'b5peer']);
    try {
      await run('ip', ['addr', 'add', '192.0.2.77/32', 'dev', 'b5addr']);
      const { exitCode, stderr } = await start('--once', '--json', '--interface', 'b5addr');
      expect(exitCode).toBe(1);
      expect(stderr).toContain('192.0.2.77');
      const { stdout } = await run('nft', ['list', 'tables']);
      expect(stdout).not.toContain('b5_');
    } finally {
      await run('ip', ['link', 'del', 'b5addr']);
    }
  });

  test('a capture that is not Ethernet is refused with its link type', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'bulkhead-start-'));
    try {
      const file = join(dir, 'hdlc.pcap');
      await writeFile(file, makePcap([{ data: Buffer.alloc(64, 1) }], { linkType: 104 }));
      const { exitCode, stderr } = await start('--once', '--json', '--replay', file);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('START_CAPTURE_LINK_TYPE');
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });

  test.each([
    [['--replay', 'x', '--interface', 'y']],
    [['--json']],
    [['--timeout', 'soon']],
    [['--nonsense']],
  ])('a command line that is not understood exits 2: %j', async (args) => {
    expect((await start(...args)).exitCode).toBe(2);
  });
});
