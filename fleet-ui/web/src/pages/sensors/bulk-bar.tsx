import type { BulkRequest, Sensor, SensorOutcome } from '@bulkhead/fleet-api';
import { Button, Modal, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { actOnMany, groupsQuery } from '../../api/sensors.ts';
import { useMay } from '../../api/session.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Choice } from '../../components/choice.tsx';
import { Confirm } from '../../components/confirm.tsx';
import { Problem } from '../../components/problem.tsx';
import { counted } from '../../text/number-words.ts';

type Act = 'group' | 'tags' | 'resend' | 'confirm-return' | 'revoke';

/** What can be done with all sensors that were chosen. */
export function BulkBar({ sensors, clear }: { sensors: readonly Sensor[]; clear: () => void }) {
  const [act, setAct] = useState<Act | undefined>(undefined);
  const [outcomes, setOutcomes] = useState<readonly SensorOutcome[] | undefined>(undefined);
  const queries = useQueryClient();
  const configure = useMay('sensors.configure');
  const operate = useMay('sensors.operate');
  const run = async (action: BulkRequest['action']) => {
    const { outcomes: came } = await actOnMany({ sensors: sensors.map(({ id }) => id), action });
    await queries.invalidateQueries({ queryKey: ['sensors'] });
    setOutcomes(came);
    setAct(undefined);
  };
  const many = counted(sensors.length, 'sensor');
  const returning = sensors.filter(({ returns }) => returns.some(({ state }) => state === 'waiting'));
  return (
    <div className="bulk" role="group" aria-label="What to do with the chosen sensors">
      <strong>{many} chosen</strong>
      {configure && (
        <>
          <Button size="xs" variant="default" onClick={() => setAct('group')}>
            Set the group
          </Button>
          <Button size="xs" variant="default" onClick={() => setAct('tags')}>
            Tags
          </Button>
          <Button size="xs" variant="default" onClick={() => void run({ kind: 'resend', reason: '' })}>
            Send the configuration again
          </Button>
        </>
      )}
      {operate && returning.length > 0 && (
        <Button size="xs" variant="default" onClick={() => setAct('confirm-return')}>
          Let {returning.length} return
        </Button>
      )}
      {operate && (
        <Button size="xs" variant="light" color="red" onClick={() => setAct('revoke')}>
          Revoke
        </Button>
      )}
      <Button size="xs" variant="subtle" onClick={clear}>
        Choose none
      </Button>
      <GroupDialog opened={act === 'group'} many={many} run={run} onClose={() => setAct(undefined)} />
      <TagsDialog opened={act === 'tags'} many={many} run={run} onClose={() => setAct(undefined)} />
      <Confirm
        opened={act === 'confirm-return'}
        title={`Let ${counted(returning.length, 'sensor')} return?`}
        verb="Let them return"
        harmless
        act={() => run({ kind: 'confirm-return' })}
        onClose={() => setAct(undefined)}
      >
        <p>
          Each gets a new certificate. Do it only when you know why it was away: somebody may have copied its
          disk.
        </p>
      </Confirm>
      <Confirm
        opened={act === 'revoke'}
        title={`Revoke ${many}?`}
        verb={`Revoke ${many}`}
        type="revoke"
        act={() => run({ kind: 'revoke', reason: 'revoked on the page of sensors' })}
        onClose={() => setAct(undefined)}
      >
        <p>
          Their certificates become void and their links end at once:{' '}
          {sensors
            .slice(0, 8)
            .map(({ name }) => name)
            .join(', ')}
          {sensors.length > 8 && ` and ${String(sensors.length - 8)} more`}.
        </p>
        <p>
          They can come back only by being adopted anew. Their events in the fleet’s store stay. The sensors
          themselves go on watching and recording; what they have not handed over yet stays on them.
        </p>
      </Confirm>
      <Outcomes outcomes={outcomes} onClose={() => setOutcomes(undefined)} />
    </div>
  );
}

type Run = (action: BulkRequest['action']) => Promise<void>;

function GroupDialog({
  opened,
  many,
  run,
  onClose,
}: {
  opened: boolean;
  many: string;
  run: Run;
  onClose: () => void;
}) {
  const [group, setGroup] = useState('');
  const groups = useQuery(groupsQuery).data?.groups ?? [];
  const set = useMutation({
    mutationFn: () => run({ kind: 'group', group: group === '' ? null : group, reason: '' }),
  });
  return (
    <Modal opened={opened} onClose={onClose} title={`Group of ${many}`} lockScroll={false}>
      <div className="stack">
        <Choice
          label="Group"
          description="They take on its configuration; what each has for itself stays above it."
          value={group}
          options={[
            { value: '', label: 'None' },
            ...groups.map(({ id, name }) => ({ value: id, label: name })),
          ]}
          onChange={setGroup}
        />
        {set.error !== null && <Problem error={set.error} />}
        <div className="actions end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button loading={set.isPending} onClick={() => set.mutate()}>
            Set the group
          </Button>
        </div>
      </div>
    </Modal>
  );
}

function TagsDialog({
  opened,
  many,
  run,
  onClose,
}: {
  opened: boolean;
  many: string;
  run: Run;
  onClose: () => void;
}) {
  const [add, setAdd] = useState('');
  const [remove, setRemove] = useState('');
  const set = useMutation({
    mutationFn: () => run({ kind: 'tags', add: words(add), remove: words(remove) }),
  });
  return (
    <Modal opened={opened} onClose={onClose} title={`Tags of ${many}`} lockScroll={false}>
      <div className="stack">
        <TextInput
          label="Add"
          description="Separated by spaces"
          value={add}
          onChange={(event) => setAdd(event.currentTarget.value)}
        />
        <TextInput
          label="Take away"
          value={remove}
          onChange={(event) => setRemove(event.currentTarget.value)}
        />
        {set.error !== null && <Problem error={set.error} />}
        <div className="actions end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            loading={set.isPending}
            disabled={`${add}${remove}`.trim() === ''}
            onClick={() => set.mutate()}
          >
            Change the tags
          </Button>
        </div>
      </div>
    </Modal>
  );
}

const STATES: Readonly<Record<SensorOutcome['state'], [Tone, string]>> = {
  done: ['good', 'done'],
  sent: ['accent', 'sent'],
  waiting: ['warn', 'waits until it is back'],
  unchanged: ['idle', 'unchanged'],
  refused: ['bad', 'refused'],
};

function Outcomes({
  outcomes,
  onClose,
}: {
  outcomes: readonly SensorOutcome[] | undefined;
  onClose: () => void;
}) {
  return (
    <Modal
      opened={outcomes !== undefined}
      onClose={onClose}
      title="What became of it"
      size="lg"
      lockScroll={false}
    >
      <div className="table-wrap" tabIndex={0} role="region" aria-label="Outcomes">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Sensor</th>
              <th scope="col">Outcome</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {(outcomes ?? []).map((one) => (
              <tr key={one.sensor}>
                <th scope="row">{one.name}</th>
                <td>
                  <Badge tone={STATES[one.state][0]}>{STATES[one.state][1]}</Badge>
                </td>
                <td>{one.detail ?? ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Modal>
  );
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((one) => one !== '');
}
