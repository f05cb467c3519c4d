import { useEffect, type ReactNode } from 'react';

/** A page before anybody is signed in: one column, one matter. */
export function Alone({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} – Bulkhead`;
  }, [title]);
  return (
    <main className="alone" id="main">
      <p className="brand">
        <img src="/icon.svg" alt="" width="28" height="28" /> Bulkhead
      </p>
      <div className="card">
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}
