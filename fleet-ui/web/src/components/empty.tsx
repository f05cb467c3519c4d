import type { ReactNode } from 'react';

/** Nothing is here yet: says why, and what makes something appear. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}
