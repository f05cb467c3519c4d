import { readFile, readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { hasCode, run } from '@bulkhead/platform/kernel';

test('gives what the program wrote and its status', async () => {
  const result = await run('sh', ['-c', 'echo out; echo err >&2']);
  expect(result).toEqual({ exitCode: 0, stdout: 'out\n', stderr: 'err\n' });
});

test('arguments are not read by a shell', async () => {
  const { stdout } = await run('printf', ['%s', '$(id); `id` && id']);
  expect(stdout).toBe('$(id); `id` && id');
});

test('a failure names the program, its status and the end of what it said', async () => {
  const failure = run('sh', ['-c', 'echo "no such table" >&2; exit 3']);
  await expect(failure).rejects.toMatchObject({
    code: 'KERNEL_COMMAND_FAILED',
    message: expect.stringContaining('no such table'),
    fields: { program: 'sh', exitCode: 3 },
  });
});

test('a failure that is allowed is a result', async () => {
  const result = await run('sh', ['-c', 'exit 3'], { allowFailure: true });
  expect(result.exitCode).toBe(3);
});

test('a death by signal is never an allowed failure', async () => {
  const killed = run('sh', ['-c', 'kill -SEGV $$'], { allowFailure: true });
  await expect(killed).rejects.toMatchObject({ code: 'KERNEL_COMMAND_FAILED' });
});

test('a program that is not there is told apart, with what to do', async () => {
  const missing = run('bulkhead-no-such-program', []);
  await expect(missing).rejects.toMatchObject({
    code: 'KERNEL_COMMAND_MISSING',
    hint: expect.stringContaining('scripts/setup'),
    fields: { program: 'bulkhead-no-such-program' },
  });
});

test('a program that does not end is killed in time', async () => {
  const started = performance.now();
  const marker = `4${process.pid}.5`;
  await expect(run('sleep', [marker], { timeoutMs: 150 })).rejects.toMatchObject({
    code: 'KERNEL_COMMAND_TIMEOUT',
  });
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(await commandLines()).not.toContain(`sleep ${marker}`);
});

test('the bound on time holds also when a grandchild keeps the pipes open', async () => {
  const started = performance.now();
  const running = run('sh', ['-c', 'sleep 6; true'], { timeoutMs: 150 });
  await expect(running).rejects.toMatchObject({ code: 'KERNEL_COMMAND_TIMEOUT' });
  expect(performance.now() - started).toBeLessThan(4_000);
});

test('an abort ends the program', async () => {
  const abort = new AbortController();
  const running = run('sleep', ['30'], { signal: abort.signal });
  abort.abort();
  const error: unknown = await running.catch((thrown: unknown) => thrown);
  expect(hasCode(error, 'ABORT_ERR')).toBe(true);
});

test('output beyond the bound is cut, and the program still runs to its end', async () => {
  const result = await run('sh', ['-c', 'head -c 300000 /dev/zero | tr "\\0" x; echo done >&2'], {
    maxOutputBytes: 1000,
  });
  expect(result.stdout).toBe('x'.repeat(1000));
  expect(result.stderr).toBe('done\n');
});

test('input reaches the program and ends', async () => {
  const { stdout } = await run('cat', [], { input: 'a secret\n' });
  expect(stdout).toBe('a secret\n');
  expect(await run('cat', [])).toMatchObject({ stdout: '' });
});

test('a program that does not read its input is judged by its status', async () => {
  const result = await run('true', [], { input: 'x'.repeat(1 << 20) });
  expect(result.exitCode).toBe(0);
});

test('the environment is small: nothing of ours leaks, what is given is there', async () => {
  process.env['BULKHEAD_LEAK'] = 'yes';
  try {
    const { stdout } = await run('env', [], { env: { EXTRA: '1' } });
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(names.sort()).toEqual(['EXTRA', 'HOME', 'LANG', 'PATH']);
  } finally {
    delete process.env['BULKHEAD_LEAK'];
  }
});

async function commandLines(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.map((line) => line.split('\0').join(' ').trim());
}
