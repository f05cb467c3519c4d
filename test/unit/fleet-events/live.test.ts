import { afterEach, expect, test, vi } from 'vitest';
import { LiveEvents } from '../../../fleet-ui/server/events/live.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('a page whose session time has ended is told nothing more', () => {
  vi.useFakeTimers();
  const live = new LiveEvents({ acting: () => [], arrived: () => undefined });
  live.start();
  let isAlive = true;
  const listening = (id: string, alive: () => boolean) => ({ id, may: () => true, isAlive: alive });
  live.open(
    listening('ann', () => isAlive),
    {},
    undefined,
  );
  live.open(
    listening('bob', () => true),
    {},
    undefined,
  );
  vi.advanceTimersByTime(60_000);
  expect(live.count).toBe(2);
  isAlive = false;
  vi.advanceTimersByTime(15_000);
  expect(live.count).toBe(1);
  live.stop();
});
