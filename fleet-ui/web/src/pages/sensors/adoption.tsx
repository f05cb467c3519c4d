import type { AdoptionCodeView } from '@bulkhead/fleet-api';
import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get, remove } from '../../api/http.ts';
import { groupsQuery, sensorsQuery } from '../../api/sensors.ts';
import { Confirm } from '../../components/confirm.tsx';
import { Empty } from '../../components/empty.tsx';
import { Icon } from '../../components/icon.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Page } from '../../components/page.tsx';
import { Ago } from '../../components/time.tsx';
import { AdoptDialog } from './adopt-dialog.tsx';
import { SensorTabs } from './sensor-tabs.tsx';
import './sensors.css';

/** Codes that can still be used. */
export function Adoption() {
  const codes = useQuery({
    queryKey: ['adoptions'],
    queryFn: () => get<{ codes: AdoptionCodeView[] }>('/adoption-codes'),
  });
  const groups = useQuery(groupsQuery).data?.groups ?? [];
  const [adopting, setAdopting] = useState(false);
  return (
    <Page
      title="Adoption codes"
      about="A code lets one machine become a sensor of this fleet, once. The codes themselves are shown only when they are made."
      actions={
        <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setAdopting(true)}>
          Adopt a sensor
        </Button>
      }
    >
      <SensorTabs />
      <Loaded query={codes} what="codes">
        {({ codes: all }) =>
          all.length === 0 ? (
            <Empty title="No code waits to be used">
              <p>Make one for each machine that should join. What is not used expires by itself.</p>
            </Empty>
          ) : (
            <CodeTable codes={all} />
          )
        }
      </Loaded>
      <AdoptDialog opened={adopting} groups={groups} onClose={() => setAdopting(false)} />
    </Page>
  );
}

function CodeTable({ codes }: { codes: readonly AdoptionCodeView[] }) {
  const [ending, setEnding] = useState<AdoptionCodeView | undefined>(undefined);
  const queries = useQueryClient();
  const groups = useQuery(groupsQuery).data?.groups ?? [];
  const sensors = useQuery(sensorsQuery).data?.sensors ?? [];
  const purpose = (code: AdoptionCodeView) =>
    code.replaces === undefined
      ? (code.name ?? 'any machine')
      : `new hardware for ${sensors.find(({ id }) => id === code.replaces)?.name ?? code.replaces}`;
  return (
    <>
      <div className="table-wrap" tabIndex={0} role="region" aria-label="Codes">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">For</th>
              <th scope="col">Group</th>
              <th scope="col">Made</th>
              <th scope="col">Expires</th>
              <th scope="col">End</th>
            </tr>
          </thead>
          <tbody>
            {codes.map((code) => (
              <tr key={code.id}>
                <th scope="row">{purpose(code)}</th>
                <td>{groups.find(({ id }) => id === code.group)?.name ?? '–'}</td>
                <td>
                  <Ago time={code.createdAt} /> by {code.createdBy}
                </td>
                <td>
                  <Ago time={code.expiresAt} />
                </td>
                <td>
                  <Button size="compact-xs" variant="default" onClick={() => setEnding(code)}>
                    End<span className="hidden-words"> the code for {purpose(code)}</span>
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Confirm
        opened={ending !== undefined}
        title="End this code?"
        verb="End it"
        act={async () => {
          await remove(`/adoption-codes/${ending?.id ?? ''}`);
          await queries.invalidateQueries({ queryKey: ['adoptions'] });
        }}
        onClose={() => setEnding(undefined)}
      >
        <p>Nobody can join with it any more. Sensors that have joined already are not concerned.</p>
      </Confirm>
    </>
  );
}
