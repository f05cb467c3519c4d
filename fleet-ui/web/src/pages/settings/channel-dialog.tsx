import type { ChannelView } from '@bulkhead/fleet-api';
import { Button, Checkbox, Modal, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { addChannel, changeChannel, channelsQuery } from '../../api/settings.ts';
import { Choice } from '../../components/choice.tsx';
import { Problem } from '../../components/problem.tsx';
import { told } from '../../components/told.ts';
import {
  ALERTS,
  changed,
  changeOf,
  formOf,
  KINDS,
  TOPICS,
  type ChannelForm,
  type Kind,
} from './channel-form.ts';
import { TargetFields } from './channel-target-fields.tsx';

/** A new channel, or other settings for one. */
export function ChannelDialog({ channel, onClose }: { channel?: ChannelView; onClose: () => void }) {
  const [form, setForm] = useState(() => formOf(channel));
  const set = (change: Partial<ChannelForm>) => setForm((before) => changed(before, change));
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () =>
      channel === undefined ? addChannel(changeOf(form)) : changeChannel(channel.id, changeOf(form)),
    onSuccess: async () => {
      told(channel === undefined ? 'Added. Send a test to see that it arrives.' : 'Changed.');
      await queries.invalidateQueries({ queryKey: channelsQuery.queryKey });
      onClose();
    },
  });
  const forgets = channel !== undefined && !form.enabled && channel.health.waiting > 0;
  return (
    <Modal
      opened
      onClose={onClose}
      title={channel === undefined ? 'Add a channel' : `Change “${channel.label}”`}
      size="lg"
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        {channel === undefined && (
          <Choice
            label="Kind"
            value={form.kind}
            options={KINDS}
            onChange={(kind) => set({ kind: kind as Kind })}
          />
        )}
        <TextInput
          label="Name"
          description="By which you know it: people on call, the ticket system …"
          value={form.label}
          onChange={(event) => set({ label: event.currentTarget.value })}
          autoComplete="off"
          required
        />
        <TargetFields form={form} set={set} channel={channel} />
        <Tells form={form} set={set} />
        <div className="fields">
          <TextInput
            type="number"
            min={10}
            max={86_400}
            label="Together for (seconds)"
            description="After a message, what comes within so long goes into the next one"
            value={form.groupS}
            onChange={(event) => set({ groupS: event.currentTarget.value })}
            required
          />
          <TextInput
            type="number"
            min={1}
            max={360}
            label="Messages in an hour, at most"
            description="What is more waits and goes together; nothing is lost by it"
            value={form.perHour}
            onChange={(event) => set({ perHour: event.currentTarget.value })}
            required
          />
        </div>
        <Checkbox
          label="Switched on"
          checked={form.enabled}
          onChange={(event) => set({ enabled: event.currentTarget.checked })}
        />
        {forgets && (
          <p className="text-warn" role="status">
            {channel.health.waiting} that wait to be told on it are forgotten when it is switched off.
          </p>
        )}
        {save.error !== null && <Problem error={save.error} />}
        <div className="actions end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            {channel === undefined ? 'Add it' : 'Save'}
          </Button>
        </div>
      </form>
    </Modal>
  );
}

function Tells({ form, set }: { form: ChannelForm; set: (change: Partial<ChannelForm>) => void }) {
  return (
    <fieldset className="choices">
      <legend>It tells</legend>
      <Choice
        label="Alerts"
        value={form.alerts}
        options={ALERTS}
        onChange={(alerts) => set({ alerts: alerts as ChannelForm['alerts'] })}
      />
      {TOPICS.map(({ topic, label, description }) => (
        <Checkbox
          key={topic}
          label={label}
          description={description}
          checked={form.topics.includes(topic)}
          onChange={(event) =>
            set({
              topics: event.currentTarget.checked
                ? [...form.topics, topic]
                : form.topics.filter((one) => one !== topic),
            })
          }
        />
      ))}
    </fieldset>
  );
}
