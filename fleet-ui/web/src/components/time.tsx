import { useSyncExternalStore } from 'react';
import { clockTime, relativeTime } from '../text/time-words.ts';

const TICK_MS = 5_000;
const listeners = new Set<() => void>();
let nowMs = Date.now();
let timer: number | undefined;

/** One clock for the whole page: a hundred rows do not each have a timer. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= window.setInterval(() => {
    nowMs = Date.now();
    for (const one of listeners) one();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    window.clearInterval(timer);
    timer = undefined;
  };
}

/** Milliseconds since 1970, renewed every few seconds. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => nowMs);
}

/** `5 s ago`, with the exact time for who looks closer. */
export function Ago({ time, never = 'never' }: { time: string | number | undefined; never?: string }) {
  const now = useNow();
  if (time === undefined) return <span>{never}</span>;
  const iso = typeof time === 'number' ? new Date(time).toISOString() : time;
  return (
    <time dateTime={iso} title={clockTime(time)}>
      {relativeTime(time, Math.max(now, Date.now() - TICK_MS))}
    </time>
  );
}
