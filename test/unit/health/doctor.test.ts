import { afterEach, expect, test, vi } from 'vitest';
import { site } from '@bulkhead/platform/kernel';
import { runDoctor, type HealthCheck } from '@bulkhead/platform/health';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const check = (code: string, run: HealthCheck['run']): HealthCheck => ({
  code,
  title: code.toUpperCase(),
  run,
});
const fine = check('fine', async () => Promise.resolve({ severity: 'ok', text: 'Fine.' }));

test('findings keep the order of the checks and carry code and title as data', async () => {
  const two = check('two', async () =>
    Promise.resolve([
      { severity: 'warning', text: 'Weak.', hint: 'Do.' },
      { severity: 'ok', text: 'Good.', title: 'Other' },
    ]),
  );
  expect(await runDoctor({ site: site() }, [two, fine])).toEqual([
    { code: 'two', title: 'TWO', severity: 'warning', text: 'Weak.', hint: 'Do.' },
    { code: 'two', title: 'Other', severity: 'ok', text: 'Good.' },
    { code: 'fine', title: 'FINE', severity: 'ok', text: 'Fine.' },
  ]);
});

test('a check that throws is reported and does not stop the others', async () => {
  const throws = check('throws', () => {
    throw new Error('broken pipe');
  });
  const rejects = check('rejects', async () => Promise.reject(new Error('EACCES: permission denied')));
  const found = await runDoctor({ site: site() }, [throws, rejects, fine]);
  expect(found.map(({ code, severity }) => [code, severity])).toEqual([
    ['throws', 'warning'],
    ['rejects', 'warning'],
    ['fine', 'ok'],
  ]);
  expect(found[0]?.text).toMatch(/could not be checked: broken pipe/);
});

test('a check that hangs is given up after 5 s, told so by its signal, and does not stop the others', async () => {
  vi.useFakeTimers();
  let aborted = false;
  const hangs = check(
    'hangs',
    async (_, signal) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
      }),
  );
  const result = runDoctor({ site: site() }, [hangs, fine]);
  await vi.advanceTimersByTimeAsync(5_000);
  const found = await result;
  expect(found[0]).toMatchObject({ code: 'hangs', severity: 'warning' });
  expect(found[0]?.text).toMatch(/HEALTH_CHECK_TIMEOUT/);
  expect(found[1]).toMatchObject({ code: 'fine', severity: 'ok' });
  expect(aborted).toBe(true);
});

test('without root the hint is to use root', async () => {
  vi.spyOn(process, 'geteuid').mockReturnValue(1000);
  const rejects = check('rejects', async () => Promise.reject(new Error('EACCES')));
  const [finding] = await runDoctor({ site: site() }, [rejects]);
  expect(finding?.hint).toMatch(/root/);
});
