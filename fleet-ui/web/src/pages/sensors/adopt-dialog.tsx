import type { AdoptionCodeReply, Group } from '@bulkhead/fleet-api';
import { Button, Modal, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { makeCode, sensorsQuery } from '../../api/sensors.ts';
import { Choice } from '../../components/choice.tsx';
import { CopyText } from '../../components/copy-text.tsx';
import { Problem } from '../../components/problem.tsx';
import { useNow } from '../../components/time.tsx';
import { durationWords } from '../../text/time-words.ts';

const LIFETIMES = [
  { value: '900', label: '15 minutes' },
  { value: '3600', label: '1 hour' },
  { value: '86400', label: '1 day' },
  { value: '604800', label: '7 days' },
];

/** Makes a code and shows what to type on the machine; then waits for it to appear. */
export function AdoptDialog({
  opened,
  groups,
  replaces,
  onClose,
}: {
  opened: boolean;
  groups: readonly Group[];
  /** New hardware for this sensor. */
  replaces?: { id: string; name: string };
  onClose: () => void;
}) {
  const [name, setName] = useState('');
  const [group, setGroup] = useState('');
  const [lifetime, setLifetime] = useState('3600');
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: makeCode,
    onSuccess: () => queries.invalidateQueries({ queryKey: ['adoptions'] }),
  });
  const close = () => {
    make.reset();
    setName('');
    onClose();
  };
  const title = replaces === undefined ? 'Adopt a sensor' : `New hardware for ${replaces.name}`;
  return (
    <Modal opened={opened} onClose={close} title={title} size="lg" lockScroll={false}>
      {make.data === undefined ? (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            make.mutate({
              expiresInS: Number(lifetime),
              ...(replaces === undefined
                ? { ...(name.trim() === '' ? {} : { name: name.trim() }), ...(group === '' ? {} : { group }) }
                : { replaces: replaces.id }),
            });
          }}
        >
          {replaces === undefined ? (
            <>
              <TextInput
                label="Name of the sensor"
                description="Part of the addresses of its instruments’ pages: letters, digits and -. Left empty, it calls itself as the machine does."
                placeholder="ward-3"
                value={name}
                onChange={(event) => setName(event.currentTarget.value)}
                autoCapitalize="none"
                spellCheck={false}
              />
              <Choice
                label="Group"
                value={group}
                options={[
                  { value: '', label: 'None' },
                  ...groups.map((one) => ({ value: one.id, label: one.name })),
                ]}
                onChange={setGroup}
              />
            </>
          ) : (
            <p>
              It takes over name, group, configuration and permissions of {replaces.name}. When it joins, the
              certificate of the old hardware is revoked at once; events that are only on the old hardware
              stay there. Then somebody says which of the new network interfaces is which.
            </p>
          )}
          <Choice
            label="The code can be used for"
            value={lifetime}
            options={LIFETIMES}
            onChange={setLifetime}
          />
          {make.error !== null && <Problem error={make.error} />}
          <div className="actions end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" loading={make.isPending}>
              Make a code
            </Button>
          </div>
        </form>
      ) : (
        <Made code={make.data} replaces={replaces?.id} close={close} again={() => make.reset()} />
      )}
    </Modal>
  );
}

function Made({
  code,
  replaces,
  close,
  again,
}: {
  code: AdoptionCodeReply;
  replaces: string | undefined;
  close: () => void;
  again: () => void;
}) {
  const now = useNow();
  const leftS = (Date.parse(code.expiresAt) - now) / 1000;
  const sensors = useQuery(sensorsQuery).data?.sensors ?? [];
  const arrived = sensors.find(
    ({ id, adoptedAt }) =>
      (replaces === undefined || id === replaces) && Date.parse(adoptedAt) >= Date.parse(code.createdAt),
  );
  return (
    <div className="stack">
      <p>On the machine, as root:</p>
      <CopyText text={code.command} label="Command to join" />
      <dl className="facts">
        <dt>Code</dt>
        <dd className="mono code">{code.code}</dd>
        <dt>Works</dt>
        <dd>
          <span role="timer">
            {leftS > 0 ? `once, for another ${durationWords(leftS)}` : 'no more: it has expired'}
          </span>
        </dd>
        <dt>Fingerprint of this fleet</dt>
        <dd className="mono">{code.fingerprint}</dd>
      </dl>
      <p className="quiet">
        The code is shown now and never again. With it goes the fingerprint of this fleet’s certificate
        authority: the machine joins this fleet or none.
      </p>
      <div role="status">
        {arrived === undefined ? (
          <p className="waiting">{leftS > 0 ? 'Waiting for the sensor …' : 'No sensor came with it.'}</p>
        ) : (
          <p className="text-good">
            <strong>{arrived.name}</strong> has joined
            {arrived.attached ? ' and is connected' : '; it is about to connect'}.
            {arrived.state === 'mapping' &&
              ' Now map its interfaces: until then it gets no configuration and watches nothing.'}
          </p>
        )}
      </div>
      <div className="actions end">
        <Button variant="default" onClick={again}>
          Another code
        </Button>
        <Button onClick={close}>Done</Button>
      </div>
    </div>
  );
}
