import type { Sensor } from '@bulkhead/fleet-api';
import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useMay } from '../../api/session.ts';
import { groupsQuery, sensorsQuery } from '../../api/sensors.ts';
import { Choice } from '../../components/choice.tsx';
import { Empty } from '../../components/empty.tsx';
import { Icon } from '../../components/icon.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Page } from '../../components/page.tsx';
import { AdoptDialog } from './adopt-dialog.tsx';
import { SensorTable } from './sensor-table.tsx';
import { SensorTabs } from './sensor-tabs.tsx';
import './sensors.css';

const STATES = [
  { value: '', label: 'In any state' },
  { value: 'online', label: 'Online' },
  { value: 'offline', label: 'Offline' },
  { value: 'mapping', label: 'To be mapped' },
  { value: 'revoked', label: 'Revoked' },
];

/** All sensors of the fleet. */
export function Sensors() {
  const search = useSearch({ from: '/shell/sensors' });
  const navigate = useNavigate();
  const sensors = useQuery(sensorsQuery);
  const groups = useQuery(groupsQuery).data?.groups ?? [];
  const mayAdopt = useMay('sensors.adopt');
  const set = (change: Partial<typeof search>) => {
    const next = Object.fromEntries(
      Object.entries({ ...search, ...change }).filter(([, value]) => value !== ''),
    );
    void navigate({ to: '/sensors', search: next, replace: true });
  };
  const adopt = () => set({ adopt: 'new' });
  return (
    <Page
      title="Sensors"
      about="Machines that watch the network for you. Each goes on watching when it cannot reach the fleet."
      actions={
        mayAdopt && (
          <Button leftSection={<Icon name="plus" size={16} />} onClick={adopt}>
            Adopt a sensor
          </Button>
        )
      }
    >
      <SensorTabs />
      <Loaded query={sensors} what="sensors">
        {({ sensors: all }) =>
          all.length === 0 ? (
            <NoSensors mayAdopt={mayAdopt} adopt={adopt} />
          ) : (
            <>
              <div className="filters">
                <TextInput
                  label="Find"
                  placeholder="Name, tag, note"
                  value={search.find ?? ''}
                  onChange={(event) => set({ find: event.currentTarget.value })}
                />
                <Choice
                  label="Group"
                  value={search.group ?? ''}
                  options={[
                    { value: '', label: 'In any group' },
                    { value: 'none', label: 'In no group' },
                    ...groups.map(({ id, name }) => ({ value: id, label: name })),
                  ]}
                  onChange={(group) => set({ group })}
                />
                <Choice
                  label="State"
                  value={search.state ?? ''}
                  options={STATES}
                  onChange={(state) => set({ state })}
                />
              </div>
              <Filtered all={all} {...search} />
            </>
          )
        }
      </Loaded>
      <AdoptDialog
        opened={search.adopt === 'new' && mayAdopt}
        groups={groups}
        onClose={() => set({ adopt: '' })}
      />
    </Page>
  );
}

function Filtered({
  all,
  find,
  group,
  state,
}: {
  all: readonly Sensor[];
  find?: string;
  group?: string;
  state?: string;
}) {
  const shown = useMemo(
    () => all.filter((one) => matches(one, { find, group, state })),
    [all, find, group, state],
  );
  if (shown.length === 0) {
    return (
      <Empty title="No sensor is like that">
        <p>None of the {all.length} sensors fits what is chosen above.</p>
      </Empty>
    );
  }
  return <SensorTable sensors={shown} />;
}

/** Revoked ones are shown to who asks for them. */
function matches(
  sensor: Sensor,
  { find, group, state }: { find: string | undefined; group: string | undefined; state: string | undefined },
): boolean {
  if (group !== undefined && (group === 'none' ? sensor.group !== null : sensor.group?.id !== group))
    return false;
  if (state === undefined ? sensor.state === 'revoked' : !inState(sensor, state)) return false;
  const text = find?.trim().toLowerCase() ?? '';
  return (
    text === '' ||
    [sensor.name, sensor.id, sensor.notes, ...sensor.tags].some((one) => one.toLowerCase().includes(text))
  );
}

function inState(sensor: Sensor, state: string): boolean {
  if (state === 'mapping' || state === 'revoked') return sensor.state === state;
  return sensor.state !== 'revoked' && sensor.attached === (state === 'online');
}

function NoSensors({ mayAdopt, adopt }: { mayAdopt: boolean; adopt: () => void }) {
  return (
    <Empty title="No sensor belongs to this fleet yet">
      <p>
        A sensor is a Linux machine with a network card on the mirror port of a switch. Install Bulkhead on
        it, make a code here and type the command that goes with it on the machine: it makes its own key,
        proves itself with the code, and appears in this table.
      </p>
      {mayAdopt ? (
        <Button onClick={adopt}>Adopt the first sensor</Button>
      ) : (
        <p>Your role does not adopt sensors; an operator can, or can give you the right to see some.</p>
      )}
    </Empty>
  );
}
