import type { ComponentChildren } from 'preact';
import type { ApiError } from '../api.ts';
import { todoOf } from '../text/hints.ts';
import { Faults } from './faults.tsx';

export type Tone = 'good' | 'info' | 'warn' | 'bad';

/** Something that the reader should know. `alert`: read out at once. */
export function Notice(props: {
  tone: Tone;
  title?: string;
  alert?: boolean;
  actions?: ComponentChildren;
  children?: ComponentChildren;
}) {
  return (
    <div class={`notice ${props.tone}`} role={props.alert === true ? 'alert' : undefined}>
      <div class="notice-text">
        {props.title !== undefined && <p class="notice-title">{props.title}</p>}
        {props.children}
      </div>
      {props.actions !== undefined && <div class="actions">{props.actions}</div>}
    </div>
  );
}

/** What a refusal says, apart: what happened, and what to do. */
export function splitHint(code: string, message: string): { what: string; todo: string | undefined } {
  const hint = todoOf(code);
  if (hint === undefined || !message.endsWith(hint)) return { what: message, todo: hint };
  return { what: message.slice(0, -hint.length).trim(), todo: hint };
}

/** Code, what, what to do. */
export function Refusal({ code, message }: { code: string; message: string }) {
  const { what, todo } = splitHint(code, message);
  return (
    <>
      <p>
        {what} <code class="code">{code}</code>
      </p>
      {todo !== undefined && (
        <p>
          <strong>What to do:</strong> {todo}
        </p>
      )}
    </>
  );
}

export function ErrorNotice({ error }: { error: ApiError | undefined }) {
  if (error === undefined) return null;
  return (
    <Notice tone="bad" alert>
      <Refusal code={error.code} message={error.message} />
      {error.at !== undefined && error.at !== '' && (
        <p>
          In the request at <code>{error.at}</code>.
        </p>
      )}
      <Faults faults={error.faults} />
    </Notice>
  );
}
