import type { ReactNode } from 'react';

/** What a colour means: `good` as it should be, `warn` soon a matter, `bad` a matter now, `idle` nothing to say. */
export type Tone = 'good' | 'warn' | 'bad' | 'idle' | 'accent';

/** A state in a word. The word tells it; the colour only helps to find it. */
export function Badge({ tone, children, title }: { tone: Tone; children: ReactNode; title?: string }) {
  return (
    <span className={`badge badge-${tone}`} title={title}>
      {children}
    </span>
  );
}
