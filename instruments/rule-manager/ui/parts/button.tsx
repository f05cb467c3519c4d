import type { ComponentChildren } from 'preact';
import { useLive } from '../live.tsx';

interface ButtonProps {
  kind?: 'primary' | 'plain' | 'danger';
  type?: 'button' | 'submit';
  disabled?: boolean | undefined;
  busy?: boolean;
  label?: string;
  onClick?: () => void;
  children: ComponentChildren;
}

export function Button(props: ButtonProps) {
  const { kind = 'plain', type = 'button', busy = false } = props;
  return (
    <button
      type={type}
      class={`button ${kind}`}
      disabled={props.disabled === true || busy}
      aria-busy={busy}
      aria-label={props.label}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}

/** A button that changes something: only for those who may. */
export function ChangeButton(props: ButtonProps) {
  const { me } = useLive();
  return <Button {...props} disabled={props.disabled === true || !me.canChange} />;
}
