import { useSyncExternalStore } from 'react';

/** As wide as a phone; the same in style sheets. */
const NARROW = '(max-width: 600px)';

/** Whether the window is so narrow that a table of many columns cannot be read in it. */
export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => window.matchMedia(NARROW).matches);
}

function subscribe(changed: () => void): () => void {
  const query = window.matchMedia(NARROW);
  query.addEventListener('change', changed);
  return () => query.removeEventListener('change', changed);
}
