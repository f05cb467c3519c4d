import type { ReactNode } from 'react';
import './fact-card.css';

/** A label and what stands beside it. */
export type Fact = readonly [label: string, value: ReactNode];

/** Cards below each other: what a table has in rows, for a phone. */
export function FactCards({ label, children }: { label: string; children: ReactNode }) {
  return (
    <ul className="fact-cards" aria-label={label}>
      {children}
    </ul>
  );
}

/** One thing: what it is, the facts by which one compares it, two beside each other, and the others on demand. */
export function FactCard({
  title,
  under,
  facts,
  more,
  moreLabel,
  children,
}: {
  title: ReactNode;
  under?: ReactNode;
  facts: readonly Fact[];
  /** What is wrong, always shown. */
  children?: ReactNode;
  more: readonly Fact[];
  moreLabel: string;
}) {
  return (
    <li className="card fact-card">
      <p className="fact-card-title">{title}</p>
      {under !== undefined && <p className="quiet mono">{under}</p>}
      <dl className="fact-pairs">{facts.map(pair)}</dl>
      {children}
      <details>
        <summary>{moreLabel}</summary>
        <dl className="fact-more">{more.map(pair)}</dl>
      </details>
    </li>
  );
}

function pair([label, value]: Fact) {
  return (
    <div key={label}>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}
