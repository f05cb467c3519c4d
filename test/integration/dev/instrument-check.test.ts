import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '@bulkhead/platform/kernel';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const EXAMPLE = join(ROOT, 'instruments/examples/hello-python');
let dir = '';

beforeAll(async () => {
  await run(join(ROOT, 'scripts/build'), ['images', 'python'], { timeoutMs: 240_000 });
  dir = await mkdtemp(join(tmpdir(), 'bh-check-'));
}, 300_000);
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

interface Report {
  passed: boolean;
  asks: string[];
  checks: { code: string; result: string; text: string; hint?: string }[];
}

async function check(
  folder: string,
  ...more: string[]
): Promise<{ exitCode: number; report: Report; results: Record<string, string> }> {
  const { exitCode, stdout } = await run(
    process.execPath,
    [join(ROOT, 'build/bulkhead.mjs'), '--json', 'instrument', 'check', folder, ...more],
    { allowFailure: true, timeoutMs: 170_000 },
  );
  const report = JSON.parse(stdout) as Report;
  return {
    exitCode,
    report,
    results: Object.fromEntries(report.checks.map(({ code, result }) => [code, result])),
  };
}

test('the example in Python keeps the whole contract, and nothing of the check is left', async () => {
  const { exitCode, report } = await check(EXAMPLE);
  expect(report.checks.filter(({ result }) => result !== 'pass')).toEqual([]);
  expect(report.checks.map(({ code }) => code)).toEqual(
    [
      'package',
      'start',
      'connect',
      'health',
      'unknown-command',
      'configure',
      'messages',
      'acknowledge',
      'events',
    ].concat(['bus-restart', 'writes', 'stop']),
  );
  expect(exitCode).toBe(0);
  expect(report.asks).toContain('to read the alert events of suricata');
  const left = await run('ls', ['/var/lib/bulkhead-check', '/run/bulkhead-check'], { allowFailure: true });
  expect(left.stdout.match(/^k[0-9a-f]{3}$/gm) ?? []).toEqual([]);
});

test('an instrument that breaks the contract is told where: no answer to a command, no acknowledgement, a wrong exit code', async () => {
  const broken = join(dir, 'broken');
  await cp(EXAMPLE, broken, { recursive: true });
  const edit = async (file: string, from: string, to: string) => {
    const path = join(broken, file);
    const text = await readFile(path, 'utf8');
    expect(text).toContain(from);
    await writeFile(path, text.replace(from, to));
  };
  await edit(
    'bus.py',
    'self._reply(message, _failure("BUS_UNKNOWN_COMMAND", f"{command} is not known"))',
    'self._reply(message, {"ok": True})',
  );
  await edit('bus.py', 'self.connection.publish(message.reply, b"+ACK")', 'pass');
  await edit('bus.py', '"bh-count": "1"', '"bh-count": "2"');
  await edit('main.py', 'log("info", "ended")', 'raise SystemExit(3)');
  const { exitCode, report, results } = await check(broken);
  expect(exitCode).toBe(1);
  expect(report.passed).toBe(false);
  expect(results).toMatchObject({
    package: 'pass',
    health: 'pass',
    'unknown-command': 'fail',
    acknowledge: 'fail',
    events: 'fail',
    'bus-restart': 'pass',
    stop: 'fail',
  });
  for (const { result, hint } of report.checks) if (result === 'fail') expect(hint).toBeTypeOf('string');
  expect(report.checks.find(({ code }) => code === 'stop')?.text).toBe('it ended with exit code 3');
}, 180_000);

test('a folder with hostile content is refused before anything of it runs; an instrument that needs an interface is told apart', async () => {
  const hostile = join(dir, 'hostile');
  await cp(EXAMPLE, hostile, { recursive: true });
  await run('ln', ['-s', '/etc/shadow', join(hostile, 'shadow')]);
  const refused = await check(hostile);
  expect(refused.exitCode).toBe(1);
  expect(refused.results).toEqual({ package: 'fail' });
  expect(refused.report.checks[0]?.text).toContain('shadow');
  const engine = await check(join(ROOT, 'instruments/capture-engine'));
  expect(engine.results).toEqual({ package: 'pass', start: 'not applicable' });
  expect(engine.exitCode).toBe(0);
});
