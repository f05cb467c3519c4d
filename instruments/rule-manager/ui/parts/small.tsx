import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { diffOf } from '../text/diff.ts';
import { absolute, ago, count, duration } from '../text/format.ts';
import type { Tone } from './notice.tsx';

export function Badge({ tone, children }: { tone: Tone | 'plain'; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** How long ago, with the exact time for those who point at it. */
export function Time({ at }: { at: string }) {
  return (
    <time dateTime={at} title={absolute(at)}>
      {ago(at)}
    </time>
  );
}

/** Seconds since then, counting. */
export function Running({ since }: { since: string }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => {
      tick((n) => n + 1);
    }, 1_000);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return <span>{duration((Date.now() - Date.parse(since)) / 1000)}</span>;
}

/** A command to type at the sensor, with a button that copies it. */
export function Command({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <div class="command">
      <code>{text}</code>
      <button
        type="button"
        class="button plain small"
        onClick={() => {
          void navigator.clipboard.writeText(text).then(
            () => {
              setCopied(true);
            },
            () => undefined,
          );
        }}
      >
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}

export function Pager(props: {
  offset: number;
  limit: number;
  shown: number;
  total: number;
  more: boolean;
  what: string;
  /** Tells two of them on one page apart. */
  place?: string;
  onMove: (offset: number) => void;
}) {
  const { offset, limit, shown, total, more } = props;
  const last = more || offset + shown < total;
  return (
    <nav
      class="pager"
      aria-label={`Pages of ${props.what}${props.place === undefined ? '' : `, ${props.place}`}`}
    >
      <span aria-live="polite">
        {shown === 0
          ? `no ${props.what}`
          : `${count(offset + 1)}–${count(offset + shown)} of ${count(total)}${more && total > 0 && total % 1_000 === 0 ? ' or more' : ''}`}
      </span>
      <button
        type="button"
        class="button plain"
        disabled={offset === 0}
        onClick={() => {
          props.onMove(Math.max(0, offset - limit));
        }}
      >
        Previous
      </button>
      <button
        type="button"
        class="button plain"
        disabled={!last}
        onClick={() => {
          props.onMove(offset + limit);
        }}
      >
        Next
      </button>
    </nav>
  );
}

/** Old and new text of a rule, what changed marked. */
export function Diff({ before, after }: { before: string; after: string }) {
  return (
    <pre class="diff">
      {diffOf(before, after).map(({ kind, text }, index) =>
        kind === 'same' ? (
          <span key={index}>{text}</span>
        ) : kind === 'old' ? (
          <del key={index}>{text}</del>
        ) : (
          <ins key={index}>{text}</ins>
        ),
      )}
    </pre>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** A heading with what can be done beside it. */
export function Heading({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="heading">
      <h1 tabIndex={-1}>{title}</h1>
      {children !== undefined && <div class="actions">{children}</div>}
    </div>
  );
}
