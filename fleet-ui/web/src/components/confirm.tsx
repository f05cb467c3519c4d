import { Button, Modal, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Problem } from './problem.tsx';

/**
 * Asks before something that cannot be taken back, and says what it destroys. Where that is much, `type` is what a person types
 * to show that the right thing is meant.
 */
export function Confirm({
  opened,
  title,
  children,
  act,
  verb,
  type,
  onClose,
  harmless = false,
}: {
  opened: boolean;
  title: string;
  children: ReactNode;
  act: () => Promise<unknown>;
  verb: string;
  type?: string;
  onClose: () => void;
  /** Nothing is lost by it: the button is not a warning. */
  harmless?: boolean;
}) {
  const [typed, setTyped] = useState('');
  const doing = useMutation({ mutationFn: act, onSuccess: () => close() });
  const close = () => {
    setTyped('');
    doing.reset();
    onClose();
  };
  return (
    <Modal opened={opened} onClose={close} title={title} lockScroll={false}>
      <div className="stack">
        <div>{children}</div>
        {type !== undefined && (
          <TextInput
            label={`Type ${type} to go on`}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            autoComplete="off"
          />
        )}
        {doing.error !== null && <Problem error={doing.error} />}
        <div className="actions end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button
            color={harmless ? 'blue' : 'red'}
            loading={doing.isPending}
            disabled={type !== undefined && typed !== type}
            onClick={() => doing.mutate()}
          >
            {verb}
          </Button>
        </div>
      </div>
    </Modal>
  );
}
