import type { Group } from '@bulkhead/fleet-api';
import { Button, Modal, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { post } from '../../api/http.ts';
import { groupsQuery } from '../../api/sensors.ts';
import { useMay } from '../../api/session.ts';
import { Empty } from '../../components/empty.tsx';
import { Icon } from '../../components/icon.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { SensorTabs } from '../sensors/sensor-tabs.tsx';
import { EditGroup } from './edit-group.tsx';

/** Groups of sensors that are configured together. */
export function Groups() {
  const groups = useQuery(groupsQuery);
  const may = useMay('sensors.configure');
  const [adding, setAdding] = useState(false);
  const [editing, setEditing] = useState<Group | undefined>(undefined);
  return (
    <Page
      title="Groups"
      about="A group lays its configuration over what each of its sensors came with. What a sensor has for itself stays above that, and is shown as such."
      actions={
        may && (
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setAdding(true)}>
            Make a group
          </Button>
        )
      }
    >
      <SensorTabs />
      <Loaded query={groups} what="groups">
        {({ groups: all }) =>
          all.length === 0 ? (
            <Empty title="There are no groups yet">
              <p>
                Sensors that should run the same instruments with the same options belong in a group: a change
                to it reaches all of them, those that are away as soon as they are back.
              </p>
            </Empty>
          ) : (
            <div className="table-wrap" tabIndex={0} role="region" aria-label="Groups">
              <table className="table">
                <thead>
                  <tr>
                    <th scope="col">Group</th>
                    <th scope="col" className="num">
                      Sensors
                    </th>
                    <th scope="col">Configuration</th>
                    {may && <th scope="col">Change</th>}
                  </tr>
                </thead>
                <tbody>
                  {all.map((group) => (
                    <tr key={group.id}>
                      <th scope="row">
                        {group.name}
                        <div className="quiet">{group.description}</div>
                      </th>
                      <td className="num">
                        <Link to="/sensors" search={{ group: group.id }}>
                          {group.sensors}
                        </Link>
                      </td>
                      <td>{group.revision === 0 ? 'none' : `revision ${String(group.revision)}`}</td>
                      {may && (
                        <td>
                          <Button size="compact-xs" variant="default" onClick={() => setEditing(group)}>
                            Change<span className="hidden-words"> {group.name}</span>
                          </Button>
                        </td>
                      )}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
      {adding && <AddGroup onClose={() => setAdding(false)} />}
      {editing !== undefined && <EditGroup group={editing} onClose={() => setEditing(undefined)} />}
    </Page>
  );
}

function AddGroup({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const queries = useQueryClient();
  const add = useMutation({
    mutationFn: () => post('/groups', { name: name.trim(), description }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: groupsQuery.queryKey });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title="Make a group">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate();
        }}
      >
        <TextInput
          label="Name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          required
        />
        <TextInput
          label="What it is for"
          value={description}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        {add.error !== null && <Problem error={add.error} />}
        <div className="actions end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={add.isPending}>
            Make it
          </Button>
        </div>
      </form>
    </Modal>
  );
}
