import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { useChange } from '../live.tsx';
import { Button } from './button.tsx';
import { TextField } from './field.tsx';
import { ErrorNotice } from './notice.tsx';

/** A window over the page: keeps the focus, goes with Escape, gives the focus back. */
export function Dialog(props: {
  title: string;
  wide?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const element = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    // Not the button that closes, which comes first: what the window was opened for.
    const field = dialog?.querySelector<HTMLElement>('.dialog-body :is(input, select, textarea)');
    (field ?? dialog?.querySelector<HTMLElement>('h2'))?.focus();
    return () => {
      dialog?.close();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={props.wide === true ? 'wide' : ''}
      aria-labelledby={title}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
    >
      <header>
        <h2 id={title} tabIndex={-1}>
          {props.title}
        </h2>
        <button type="button" class="close" aria-label="Close" onClick={props.onClose}>
          ×
        </button>
      </header>
      <div class="dialog-body">{props.children}</div>
    </dialog>
  );
}

/** Asks once more, and why; closes when the change was accepted. */
export function ConfirmDialog(props: {
  title: string;
  action: string;
  danger?: boolean;
  /** Whether a reason must be given; without it none is asked for. */
  reason?: boolean;
  run: (reason: string) => Promise<unknown>;
  onClose: () => void;
  children?: ComponentChildren;
}) {
  const [reason, setReason] = useState('');
  const change = useChange();
  const asks = props.reason !== false;
  const submit = async (event: Event) => {
    event.preventDefault();
    if (await change.run(() => props.run(reason))) props.onClose();
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form onSubmit={(event) => void submit(event)}>
        {props.children}
        {asks && (
          <TextField
            label="Reason"
            value={reason}
            onInput={setReason}
            required
            maxLength={500}
            hint="Kept with the change, for those who come after you."
          />
        )}
        <ErrorNotice error={change.error} />
        <div class="actions end">
          <Button onClick={props.onClose}>Cancel</Button>
          <Button
            type="submit"
            kind={props.danger === true ? 'danger' : 'primary'}
            busy={change.busy}
            disabled={asks && reason.trim() === ''}
          >
            {props.action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
