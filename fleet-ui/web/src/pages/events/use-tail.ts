import type { FleetEvent } from '@bulkhead/fleet-api';
import { useEffect, useState } from 'react';
import { liveAddress, type EventQuestion } from '../../api/events.ts';

const KEPT = 200;
/** Drawn together: at 200 events each second the page is drawn four times and not 200 times. */
const DRAW_MS = 250;

export interface Tail {
  state: 'off' | 'connecting' | 'open' | 'lost';
  /** The newest first, at most 200. */
  events: readonly FleetEvent[];
  /** How many came since it was switched on. */
  seen: number;
}

/** Events as they arrive at the fleet, while it is switched on. */
export function useTail(question: EventQuestion, on: boolean): Tail {
  const [tail, setTail] = useState<Tail>({ state: 'off', events: [], seen: 0 });
  const { since: _since, until: _until, ...rest } = question;
  const address = liveAddress(rest);
  useEffect(() => {
    if (!on) return;
    setTail({ state: 'connecting', events: [], seen: 0 });
    let waiting: FleetEvent[] = [];
    const source = new EventSource(address);
    source.onopen = () => setTail((now) => ({ ...now, state: 'open' }));
    source.onerror = () => setTail((now) => ({ ...now, state: 'lost' }));
    source.addEventListener('event', (message: MessageEvent<string>) => {
      waiting.push(JSON.parse(message.data) as FleetEvent);
      if (waiting.length > KEPT * 4) waiting = waiting.slice(-KEPT);
    });
    const timer = window.setInterval(() => {
      if (waiting.length === 0) return;
      const came = waiting.reverse();
      waiting = [];
      setTail((now) => ({
        state: 'open',
        events: [...came, ...now.events].slice(0, KEPT),
        seen: now.seen + came.length,
      }));
    }, DRAW_MS);
    return () => {
      window.clearInterval(timer);
      source.close();
      setTail((now) => ({ ...now, state: 'off' }));
    };
  }, [address, on]);
  return tail;
}
