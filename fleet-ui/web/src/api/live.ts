import type { LiveEvent } from '@bulkhead/fleet-api';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { API } from './http.ts';

export type LiveState = 'connecting' | 'open' | 'lost';

const KINDS: readonly LiveEvent['kind'][] = [
  'hello',
  'sensor.attached',
  'sensor.detached',
  'sensor.state',
  'sensor.notice',
  'changed',
];

/** What comes at once is looked at together: a storm of changes asks for each list once a second, not a thousand times. */
const GATHER_MS = 1_000;

/** Keeps what is shown fresh while the page is open: the fleet tells that something changed, the page asks what. */
export function useLive(): LiveState {
  const [state, setState] = useState<LiveState>('connecting');
  const queries = useQueryClient();
  useEffect(() => {
    const stale = new Set<string>();
    let timer: number | undefined;
    let again = false;
    const source = new EventSource(`${API}/live`);
    const look = () => {
      timer = undefined;
      for (const key of stale) void queries.invalidateQueries({ queryKey: JSON.parse(key) as string[] });
      stale.clear();
    };
    source.onerror = () => {
      setState('lost');
      // The browser gives up only when it was refused: most likely the session has ended.
      if (source.readyState === EventSource.CLOSED) void queries.invalidateQueries({ queryKey: ['session'] });
    };
    const onEvent = (message: MessageEvent<string>) => {
      setState('open');
      const event = JSON.parse(message.data) as LiveEvent;
      // After a gap nobody knows what was missed.
      if (event.kind === 'hello' && again) void queries.invalidateQueries();
      again = true;
      for (const key of staleKeys(event)) stale.add(JSON.stringify(key));
      if (stale.size > 0) timer ??= window.setTimeout(look, GATHER_MS);
    };
    for (const kind of KINDS) source.addEventListener(kind, onEvent);
    return () => {
      source.close();
      window.clearTimeout(timer);
    };
  }, [queries]);
  return state;
}

/** Which answers an event makes old; topics of other parts are the first word of what they concern. Pure. */
export function staleKeys(event: LiveEvent): string[][] {
  switch (event.kind) {
    case 'hello':
      return [];
    case 'sensor.attached':
    case 'sensor.detached':
    case 'sensor.state':
    case 'sensor.notice':
      return [['sensors'], ['attention'], ['overview'], ['sensor', event.sensor]];
    case 'changed':
      return [
        [event.topic],
        ['attention'],
        ...(event.sensor === undefined ? [] : [['sensor', event.sensor]]),
      ];
  }
}
