import { useEffect, useId, useRef, useState, type ReactNode } from 'react';

/**
 * A button that shows a panel below it. Escape and a click elsewhere close it, and the focus goes back to the button. (Small on
 * purpose: it is on every page, and a library for floating things would be a quarter of what is loaded first.)
 */
export function Disclosure({
  label,
  button,
  className = '',
  children,
}: {
  label: string;
  button: ReactNode;
  className?: string;
  /** The panel, given a function that closes it. */
  children: (close: () => void) => ReactNode;
}) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const target = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    const onPointer = (event: PointerEvent) => {
      if (event.target instanceof Node && root.current?.contains(event.target) === true) return;
      setOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      setOpen(false);
      target.current?.focus();
    };
    document.addEventListener('pointerdown', onPointer);
    document.addEventListener('keydown', onKey);
    return () => {
      document.removeEventListener('pointerdown', onPointer);
      document.removeEventListener('keydown', onKey);
    };
  }, [open]);
  return (
    <div
      className={`disclosure ${className}`}
      ref={root}
      onBlur={(event) => {
        if (event.relatedTarget instanceof Node && !event.currentTarget.contains(event.relatedTarget))
          setOpen(false);
      }}
    >
      <button
        ref={target}
        type="button"
        className="plain-button"
        aria-label={label}
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      >
        {button}
      </button>
      {open && (
        <div className="disclosed" id={id}>
          {children(() => setOpen(false))}
        </div>
      )}
    </div>
  );
}
