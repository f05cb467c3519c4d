import { expect, test } from 'vitest';
import { Supervisor } from '@bulkhead/platform/sensord';

const POLICY = { firstMs: 100, maxMs: 1000, holdAfter: 3, healthyAfterMs: 5000 };

function clocked() {
  let nowMs = 0;
  const supervisor = new Supervisor(POLICY, () => nowMs);
  return { supervisor, pass: (ms: number) => (nowMs += ms) };
}

test('each failure doubles the wait, and the instrument is free again when it is over', () => {
  const { supervisor, pass } = clocked();
  supervisor.failed('ids', 'crashed');
  expect(supervisor.verdict('ids')).toEqual({ may: false, reason: 'crashed' });
  expect(supervisor.nextRetryMs()).toBe(100);
  pass(100);
  expect(supervisor.verdict('ids')).toEqual({ may: true });
  supervisor.failed('ids', 'crashed again');
  expect(supervisor.nextRetryMs()).toBe(200);
});

test('after holdAfter failures it is held until released, however long one waits', () => {
  const { supervisor, pass } = clocked();
  expect(supervisor.failed('ids', 'a')).toBe(false);
  expect(supervisor.failed('ids', 'b')).toBe(false);
  expect(supervisor.failed('ids', 'c')).toBe(true);
  pass(1_000_000);
  expect(supervisor.standing('ids')).toEqual({ state: 'held', failures: 3, reason: 'c' });
  expect(supervisor.nextRetryMs()).toBeUndefined();
  supervisor.release('ids');
  expect(supervisor.verdict('ids')).toEqual({ may: true });
});

test('a long healthy run clears the count, a short one does not', () => {
  const { supervisor, pass } = clocked();
  supervisor.failed('ids', 'a');
  supervisor.failed('ids', 'b');
  supervisor.started('ids');
  pass(4999);
  supervisor.failed('ids', 'c');
  expect(supervisor.standing('ids').state).toBe('held');
  supervisor.release('ids');
  supervisor.failed('ids', 'a');
  supervisor.failed('ids', 'b');
  supervisor.started('ids');
  pass(5000);
  supervisor.failed('ids', 'c');
  expect(supervisor.standing('ids')).toMatchObject({ state: 'waiting', failures: 1 });
});

test('one instrument in trouble says nothing about another', () => {
  const { supervisor } = clocked();
  for (let i = 0; i < 5; i += 1) supervisor.failed('bad', 'x');
  expect(supervisor.verdict('good')).toEqual({ may: true });
});
