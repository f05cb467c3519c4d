import type { ComponentChildren } from 'preact';
import type { ApiError } from '../api.ts';

/** Something that the reader should know. `alert`: read out at once. */
export function Notice(props: {
  tone: 'info' | 'warn' | 'bad';
  title?: string;
  alert?: boolean;
  children: ComponentChildren;
}) {
  return (
    <div class={`notice ${props.tone}`} role={props.alert === true ? 'alert' : undefined}>
      {props.title !== undefined && <p class="notice-title">{props.title}</p>}
      {props.children}
    </div>
  );
}

export function ErrorNotice({ error, title }: { error: ApiError; title?: string }) {
  return (
    <Notice tone="bad" alert {...(title === undefined ? {} : { title })}>
      <p>
        {error.message} <code class="code">{error.code}</code>
      </p>
    </Notice>
  );
}
