import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ROOT } from './repository.ts';

const dir = mkdtempSync(join(tmpdir(), 'bulkhead-tally-'));
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** What scripts/test would count of this report: passed, failed, and the lines that say what failed. */
function count(report: string, exitStatus: number): { passed: number; failed: number; lines: string[] } {
  const file = join(dir, 'report.json');
  writeFileSync(file, report);
  const output = execFileSync(process.execPath, [
    join(ROOT, 'scripts/lint/tally.mjs'),
    file,
    String(exitStatus),
  ]);
  const [counts = '', ...lines] = output.toString().trimEnd().split('\n');
  const [passed = NaN, failed = NaN] = counts.split(' ').map(Number);
  return { passed, failed, lines };
}

const suite = (file: string, statuses: string[], status = 'passed', message = '') => ({
  name: file,
  status,
  message,
  assertionResults: statuses.map((each, n) => ({ fullName: `test ${n}`, status: each })),
});
const report = (...testResults: unknown[]) => JSON.stringify({ testResults });

test('passed tests are counted over all files', () => {
  const all = report(suite('a', ['passed', 'passed']), suite('b', ['passed']));
  expect(count(all, 0)).toEqual({ passed: 3, failed: 0, lines: [] });
});

test('what was wrong stands beside the name of the test, on one line', () => {
  const message = `AssertionError: 3 lost\n  + [ 'a' ]\n    at file.ts:1:1\n    at other.ts:2:2`;
  const failed = { fullName: 'counts', status: 'failed', failureMessages: [message] };
  const all = report({ name: 'a', status: 'failed', message: '', assertionResults: [failed] });
  expect(count(all, 1).lines).toEqual(["a: counts (failed: AssertionError: 3 lost + [ 'a' ])"]);
});

test('whatever did not pass is a failure, also what was left out', () => {
  const mixed = report(suite('a', ['passed', 'failed', 'skipped', 'todo', 'pending'], 'failed'));
  expect(count(mixed, 1)).toMatchObject({ passed: 1, failed: 4 });
  expect(count(report(suite('a', ['passed', 'skipped'])), 0).lines).toEqual(['a: test 1 (skipped)']);
});

test('a file that did not load is a failure, with the first line of why', () => {
  const broken = report(suite('a', [], 'failed', 'Cannot find module x\nat y'), suite('b', ['passed']));
  expect(count(broken, 1)).toEqual({ passed: 1, failed: 1, lines: ['a: Cannot find module x'] });
});

test('a file whose tests passed and whose clean-up failed is a failure', () => {
  expect(count(report(suite('a', ['passed'], 'failed')), 1)).toMatchObject({ passed: 1, failed: 1 });
});

test('a tier that ran no test is a failure', () => {
  expect(count(report(), 0)).toMatchObject({ passed: 0, failed: 1 });
  expect(count(report(suite('a', [])), 0)).toMatchObject({ passed: 0, failed: 1 });
});

test('a tier that ended badly though every test passed is a failure', () => {
  expect(count(report(suite('a', ['passed'])), 1)).toMatchObject({ passed: 1, failed: 1 });
  expect(count(report(suite('a', ['passed'])), 124)).toMatchObject({ failed: 1 });
});

test('a report that is missing or cut short is a failure', () => {
  expect(count('', 137)).toMatchObject({ passed: 0, failed: 1 });
  expect(count('{"testResults":[{"na', 0)).toMatchObject({ passed: 0, failed: 1 });
});
