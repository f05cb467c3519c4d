import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readBudget } from '../../../instruments/suricata/src/budget.ts';
import { readCaptureCounters } from '../../../instruments/suricata/src/capture-counters.ts';
import { HealthJudge, type HealthInput } from '../../../instruments/suricata/src/health.ts';
import { parseEngineLine } from '../../../instruments/suricata/src/suricata-process.ts';
import { ruleFaults } from '../../../instruments/suricata/src/rule-test.ts';

const fine: HealthInput = {
  capturing: true,
  starting: 'starting',
  failed: undefined,
  refusal: undefined,
  placedRules: 31,
  shedding: false,
  checksums: 'kernel',
  counters: {},
};

test('the state says what matters most', () => {
  const judge = new HealthJudge();
  expect(judge.judge(fine).state).toBe('ok');
  expect(judge.judge({ ...fine, capturing: false })).toMatchObject({ state: 'starting', detail: 'starting' });
  expect(judge.judge({ ...fine, capturing: false, failed: 'gone' })).toMatchObject({
    state: 'failed',
    detail: 'gone',
  });
  expect(judge.judge({ ...fine, refusal: 'line 3' })).toMatchObject({ state: 'degraded' });
  expect(judge.judge({ ...fine, checksums: 'ignore' })).toMatchObject({
    state: 'ok',
    detail: 'Checksums are not verified, as configured.',
  });
});

test('ABUSE 106: a Suricata that runs other rules than were placed is not healthy', () => {
  const judge = new HealthJudge();
  const at = (loaded: number, skipped = 0) =>
    judge.judge({ ...fine, counters: { 'rules.loaded': loaded, 'rules.skipped': skipped } });
  expect(at(31).state).toBe('ok');
  expect(at(30, 1).state).toBe('ok');
  expect(at(0)).toMatchObject({ state: 'failed', detail: 'Suricata runs 0 of 31 rules.' });
  expect(at(30)).toMatchObject({ state: 'failed' });
});

test('a loss is reported while it is young', () => {
  let now = 0;
  const judge = new HealthJudge(1000, () => now);
  const at = (drops: number) => judge.judge({ ...fine, counters: { 'capture.kernel_drops': drops } });
  expect(at(0).state).toBe('ok');
  expect(at(5)).toMatchObject({
    state: 'degraded',
    detail: expect.stringContaining('could not keep up') as string,
  });
  now = 900;
  expect(at(5).state).toBe('degraded');
  now = 2000;
  expect(at(5).state).toBe('ok');
  expect(at(6).state).toBe('degraded');
});

test('ABUSE 119: many wrong checksums are not hidden but said, with what to do', () => {
  const judge = new HealthJudge();
  const health = judge.judge({ ...fine, counters: { 'tcp.invalid_checksum': 860, 'decoder.pkts': 920 } });
  expect(health.state).toBe('degraded');
  expect(health.detail).toMatch(/860 of 920 packets have a wrong TCP checksum.*offload/);
  expect(judge.judge({ ...fine, counters: { 'tcp.invalid_checksum': 3, 'decoder.pkts': 20 } }).state).toBe(
    'ok',
  );
});

test('counters that Suricata leaves out are zero', () => {
  expect(readCaptureCounters({ uptime: 3, decoder: { pkts: 7 } })).toMatchObject({
    'suricata.uptime_s': 3,
    'decoder.pkts': 7,
    'capture.kernel_drops': 0,
    'detect.alert': 0,
  });
  expect(() => readCaptureCounters('nonsense')).toThrow();
});

test('lines of the engine are read, other text is kept', () => {
  expect(parseEngineLine('{"log_level":"Error","engine":{"message":"bad"}}')).toEqual({
    level: 'error',
    message: 'bad',
  });
  expect(parseEngineLine('/etc/magic, 0: Warning')).toEqual({
    level: 'info',
    message: '/etc/magic, 0: Warning',
  });
  expect(parseEngineLine('{"log_level":"Perf","engine":{"message":"x"}}').level).toBe('info');
});

test('every fault names file, line and cause', () => {
  const signature = (line: number, name: string) =>
    `error parsing signature "alert tcp any any -> any any (x:1; sid:1;)" from file /v/config/rules-2/${name} at line ${String(line)}`;
  const faults = ruleFaults([
    "unknown rule keyword 'frobnicate'.",
    signature(12, 'operator/clinic.rules'),
    signature(13, 'managed/ruleset-1.rules'),
    'Loading signatures failed.',
  ]);
  expect(faults).toEqual([
    {
      code: 'SURICATA_RULES_BROKEN',
      file: 'clinic.rules',
      line: 12,
      message: "unknown rule keyword 'frobnicate'.",
    },
    {
      code: 'SURICATA_RULES_BROKEN',
      file: 'ruleset-1.rules',
      line: 13,
      message: 'the rule cannot be parsed.',
    },
  ]);
  expect(ruleFaults(['something else'])).toEqual([]);
});

test.each([
  ['v2', { 'memory.max': '536870912', 'cpu.max': '150000 100000' }, { memoryMib: 512, cores: 2 }],
  ['v2 without limits', { 'memory.max': 'max', 'cpu.max': 'max 100000' }, { memoryMib: 1024 }],
  [
    'v1',
    {
      'memory/memory.limit_in_bytes': '268435456',
      'cpu/cpu.cfs_quota_us': '100000',
      'cpu/cpu.cfs_period_us': '100000',
    },
    { memoryMib: 256, cores: 1 },
  ],
  [
    'v1 without limits',
    { 'memory/memory.limit_in_bytes': '9223372036854771712', 'cpu/cpu.cfs_quota_us': '-1' },
    { memoryMib: 1024 },
  ],
])('limits are read from cgroup %s', async (_kind, files, budget) => {
  const dir = await mkdtemp(join(tmpdir(), 'b73-'));
  try {
    await writeFile(join(dir, 'meminfo'), 'MemTotal:        1048576 kB\n');
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(dir, name, '..'), { recursive: true });
      await writeFile(join(dir, name), `${text}\n`);
    }
    expect(await readBudget(dir, dir)).toMatchObject(budget);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
