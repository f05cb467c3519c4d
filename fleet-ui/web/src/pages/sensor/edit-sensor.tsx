import type { SensorDetail, SensorPatch } from '@bulkhead/fleet-api';
import { Button, Modal, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { patch } from '../../api/http.ts';
import { groupsQuery } from '../../api/sensors.ts';
import { Choice } from '../../components/choice.tsx';
import { Problem } from '../../components/problem.tsx';

/** What people call a sensor and where it belongs. Only what was changed is sent. */
export function EditSensor({ sensor, onClose }: { sensor: SensorDetail; onClose: () => void }) {
  const [name, setName] = useState(sensor.name);
  const [group, setGroup] = useState(sensor.group?.id ?? '');
  const [tags, setTags] = useState(sensor.tags.join(' '));
  const [notes, setNotes] = useState(sensor.notes);
  const groups = useQuery(groupsQuery).data?.groups ?? [];
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => {
      const list = tags.split(/[\s,]+/).filter((tag) => tag !== '');
      const change: SensorPatch = {
        ...(name.trim() === sensor.name ? {} : { name: name.trim() }),
        ...(group === (sensor.group?.id ?? '') ? {} : { group: group === '' ? null : group }),
        ...(list.join(' ') === sensor.tags.join(' ') ? {} : { tags: list }),
        ...(notes === sensor.notes ? {} : { notes }),
      };
      return patch(`/sensors/${sensor.id}`, change);
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['sensor', sensor.id] });
      await queries.invalidateQueries({ queryKey: ['sensors'] });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={sensor.name} lockScroll={false}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <TextInput
          label="Name"
          description="Addresses of its instruments’ pages change with it; its identity does not."
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          required
        />
        <Choice
          label="Group"
          description="Its configuration comes from the group; what it has for itself stays above that."
          value={group}
          options={[
            { value: '', label: 'None' },
            ...groups.map((one) => ({ value: one.id, label: one.name })),
          ]}
          onChange={setGroup}
        />
        <TextInput
          label="Tags"
          description="Separated by spaces"
          value={tags}
          onChange={(event) => setTags(event.currentTarget.value)}
        />
        <Textarea
          label="Notes"
          rows={4}
          value={notes}
          onChange={(event) => setNotes(event.currentTarget.value)}
        />
        {save.error !== null && <Problem error={save.error} />}
        <div className="actions end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            Save
          </Button>
        </div>
      </form>
    </Modal>
  );
}
