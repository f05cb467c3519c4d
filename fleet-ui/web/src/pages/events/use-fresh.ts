import { useEffect, useRef } from 'react';
import type { EventQuestion } from '../../api/events.ts';

/** What is counted anew is read from disk at the fleet: not more often than one can look at it. */
const FRESH_MS = 10_000;
const LOOK_MS = 1_000;

/**
 * While events come, `refresh` is called: when the first came and then at most every 10 s, never before the last call is over, and not
 * while nobody sees the page.
 * @param seen how many came; the number only grows while `question` stays the same
 */
export function useFresh(
  on: boolean,
  question: EventQuestion,
  seen: number,
  refresh: () => Promise<unknown>,
): void {
  const latest = useRef({ seen, refresh });
  latest.current = { seen, refresh };
  useEffect(() => {
    if (!on) return;
    let counted = 0;
    let nextMs = 0;
    let isAsking = false;
    const look = (): void => {
      const now = latest.current;
      if (isAsking || document.hidden || now.seen <= counted || performance.now() < nextMs) return;
      counted = now.seen;
      isAsking = true;
      void now.refresh().finally(() => {
        isAsking = false;
        nextMs = performance.now() + FRESH_MS;
      });
    };
    const timer = window.setInterval(look, LOOK_MS);
    return () => window.clearInterval(timer);
  }, [on, question]);
}
