import type { Group, GroupConfigRequest, GroupDetail, GroupPreviewReply } from '@bulkhead/fleet-api';
import { Button, Modal, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get, post, put, remove } from '../../api/http.ts';
import { groupsQuery } from '../../api/sensors.ts';
import { Confirm } from '../../components/confirm.tsx';
import { Differences } from '../../components/differences.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Problem } from '../../components/problem.tsx';
import { told } from '../../components/told.ts';
import { counted } from '../../text/number-words.ts';

/** The configuration of a group, and what a change of it would do to each of its sensors. */
export function EditGroup({ group, onClose }: { group: Group; onClose: () => void }) {
  const detail = useQuery({
    queryKey: ['groups', group.id],
    queryFn: () => get<GroupDetail>(`/groups/${group.id}`),
  });
  return (
    <Modal opened onClose={onClose} title={group.name} size="xl">
      <Loaded query={detail} what="configuration">
        {(value) => <Form group={value} onClose={onClose} />}
      </Loaded>
    </Modal>
  );
}

function Form({ group, onClose }: { group: GroupDetail; onClose: () => void }) {
  const [text, setText] = useState(JSON.stringify(group.config, undefined, 2));
  const [reason, setReason] = useState('');
  const [removing, setRemoving] = useState(false);
  const queries = useQueryClient();
  const config = parsed(text);
  const after = async () => {
    await queries.invalidateQueries({ queryKey: groupsQuery.queryKey });
    await queries.invalidateQueries({ queryKey: ['sensors'] });
    onClose();
  };
  const body = (): GroupConfigRequest => ({ config: config ?? {}, reason, expectRevision: group.revision });
  const preview = useMutation({
    mutationFn: () => post<GroupPreviewReply>(`/groups/${group.id}/config/preview`, body()),
  });
  const save = useMutation({
    mutationFn: () => put(`/groups/${group.id}/config`, body()),
    onSuccess: async () => {
      told('The group’s sensors are taking it on; those that are away when they are back.');
      await after();
    },
  });
  const invalid = preview.data?.sensors.some(({ valid }) => !valid) ?? false;
  return (
    <div className="stack">
      <Textarea
        label="Configuration (JSON)"
        description='A part of a sensor’s configuration. null takes a value away; instruments and interfaces are named: {"instruments": {"suricata": {"enabled": true}}}'
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          preview.reset();
        }}
        error={config === undefined ? 'This is not a JSON object' : undefined}
        rows={14}
        spellCheck={false}
        classNames={{ input: 'mono' }}
      />
      <TextInput
        label="Why"
        description="For the history"
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      {preview.data !== undefined && <Preview preview={preview.data} />}
      {(preview.error ?? save.error) !== null && <Problem error={preview.error ?? save.error} />}
      <div className="actions end">
        <Button variant="subtle" color="red" onClick={() => setRemoving(true)}>
          Remove the group
        </Button>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        {preview.data !== undefined && !invalid ? (
          <Button loading={save.isPending} onClick={() => save.mutate()}>
            Apply it to {counted(group.sensors, 'sensor')}
          </Button>
        ) : (
          <Button
            loading={preview.isPending}
            disabled={config === undefined}
            onClick={() => preview.mutate()}
          >
            Show what it changes
          </Button>
        )}
      </div>
      <Confirm
        opened={removing}
        title={`Remove the group ${group.name}?`}
        verb="Remove it"
        type={group.name}
        act={async () => {
          await remove(`/groups/${group.id}`);
          await after();
        }}
        onClose={() => setRemoving(false)}
      >
        <p>
          Its configuration is taken away from {counted(group.sensors, 'sensor')}: each goes back to what it
          came with and what it has for itself, which may stop instruments. Roles that are narrowed to this
          group let people see nothing any more.
        </p>
      </Confirm>
    </div>
  );
}

function Preview({ preview }: { preview: GroupPreviewReply }) {
  if (preview.sensors.length === 0) return <p role="status">No sensor is in this group yet.</p>;
  return (
    <div role="status">
      {preview.sensors.map((one) => (
        <details key={one.sensor} open={preview.sensors.length < 4}>
          <summary>
            {one.name}:{' '}
            {one.valid ? counted(one.differences.length, 'difference') : 'it would be no valid configuration'}
          </summary>
          {one.valid ? (
            <Differences differences={one.differences} />
          ) : (
            <p className="text-bad">
              {one.pointer !== undefined && <code>{one.pointer}</code>} {one.problem}
            </p>
          )}
        </details>
      ))}
    </div>
  );
}

function parsed(text: string): GroupConfigRequest['config'] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as GroupConfigRequest['config'])
      : undefined;
  } catch {
    return undefined;
  }
}
