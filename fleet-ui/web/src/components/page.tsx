import type { GrantedRight } from '@bulkhead/fleet-api';
import { useEffect, type ReactNode } from 'react';
import { holds, usePerson } from '../api/session.ts';

/** The frame of every page: its title (also of the window), what it is in a sentence, and what can be done. */
export function Page({
  title,
  about,
  actions,
  above,
  needs,
  children,
}: {
  title: string;
  about?: ReactNode;
  actions?: ReactNode;
  above?: ReactNode;
  /** Who does not hold it anywhere is told so in place of the page; the server refuses by itself. */
  needs?: GrantedRight;
  children: ReactNode;
}) {
  const person = usePerson();
  const shown = needs === undefined || holds(person, needs);
  useEffect(() => {
    document.title = `${title} – Bulkhead`;
  }, [title]);
  return (
    <div className="page">
      {above}
      <header className="page-head">
        <div>
          <h1 tabIndex={-1} id="page-title">
            {title}
          </h1>
          {about !== undefined && <p className="about">{about}</p>}
        </div>
        {actions !== undefined && shown && <div className="actions">{actions}</div>}
      </header>
      {shown ? (
        children
      ) : (
        <div className="problem" role="alert">
          <p>
            <strong>Your role does not open this page.</strong>
          </p>
          <p>An administrator can give you one that does.</p>
        </div>
      )}
    </div>
  );
}

/** A part of a page with a heading. */
export function Section({
  title,
  note,
  actions,
  children,
}: {
  title: string;
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="section">
      <header className="section-head">
        <h2>{title}</h2>
        {note !== undefined && <span className="quiet">{note}</span>}
        {actions !== undefined && <div className="actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}
