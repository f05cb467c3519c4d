import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '@bulkhead/platform/kernel';
import { openAttacker, outcomes, type Attacker, type Outcomes } from './attacker.ts';

/** Numbers of system calls are the architecture's; the list is for this one. */
const LIST = new URL('syscalls-x86_64.txt', import.meta.url);
const LAST = 470;

let evil: Attacker;

beforeAll(async () => {
  evil = await openAttacker('es2');
  await evil.launch('evil');
});

afterAll(async () => {
  await evil.at.dispose();
});

test('ABUSE 3: the system calls that get through are exactly the checked-in list', async () => {
  const list = new Map(
    (await readFile(LIST, 'utf8'))
      .split('\n')
      .filter((line) => /^\d/.test(line))
      .map((line) => line.split(' ') as [string, string]),
  );
  const inside = await evil.attack('evil', 'sweep', String(LAST));
  // What this kernel does not have is told by the same program on the host, as an ordinary user.
  const host = outcomes(
    (await run(evil.program, ['sweep', String(LAST), '65534'], { timeoutMs: 60_000 })).stdout,
  );
  expect(inside.size).toBe(LAST + 1);
  const through = [...inside].filter(([, outcome]) => !isRefusal(outcome)).map(([number]) => number);
  const expected = [...list.keys()].filter((number) => host.get(number) !== 'ENOSYS');
  const name = (number: string): string => `${number} ${list.get(number) ?? '(not in the list)'}`;
  expect(through.map(name)).toEqual(expected.map(name));
  expect(through.length).toBeGreaterThan(250);
});

test('ABUSE 6: no nested user namespace is made, so it brings neither mounts nor firewall rights', async () => {
  const tried = await evil.attack('evil', 'namespaces');
  expect(refusals(tried)).toEqual(['clone-user', 'clone3-user', 'setns-host', 'unshare-user']);
});

test('ABUSE 11: a file handle of the host opens nothing', async () => {
  const tried = await evil.attack('evil', 'handles');
  expect(tried.get('/run/bulkhead')).toBe('ENOSYS');
  expect(tried.get('/opt/instrument')).toBe('ENOSYS');
  expect(refusals(tried)).toHaveLength(tried.size);
});

test('ABUSE 12: keyrings can be neither used nor searched, and show no key of the host', async () => {
  const result = await evil.at.project.instances.exec('evil', {
    command: ['/opt/instrument/hostile', 'keys'],
  });
  const tried = outcomes(result.stdout);
  expect(refusals(tried)).toEqual([
    'add_key',
    'keyctl-search',
    'keyctl-session',
    'keyctl-user',
    'request_key',
  ]);
  const shown = result.stdout.split('\n').filter((line) => line.startsWith('key '));
  // The only ring in sight is the empty session ring of the program that was run.
  expect(shown.filter((line) => !/ keyring +_ses: empty$/.test(line))).toEqual([]);
});

test('ABUSE 13: no code gets into the kernel: bpf, perf, userfaultfd, modules, kexec, io_uring', async () => {
  const tried = await evil.attack('evil', 'kernel');
  expect(tried.size).toBe(12);
  expect(refusals(tried)).toHaveLength(tried.size);
});

function isRefusal(outcome: string): boolean {
  return outcome === 'EPERM' || outcome === 'ENOSYS';
}

function refusals(tried: Outcomes): string[] {
  return [...tried]
    .filter(([, outcome]) => outcome !== 'ok')
    .map(([what]) => what)
    .sort();
}
