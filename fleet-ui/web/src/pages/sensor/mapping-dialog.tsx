import type { Mapping, MappingRequest, SensorDetail } from '@bulkhead/fleet-api';
import { Button, Modal } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get, post } from '../../api/http.ts';
import { Choice } from '../../components/choice.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Problem } from '../../components/problem.tsx';

/** After a replacement: which network interface of the new hardware is which. Only a person knows where the cables go. */
export function MappingDialog({ sensor, onClose }: { sensor: SensorDetail; onClose: () => void }) {
  const mapping = useQuery({
    queryKey: ['sensor', sensor.id, 'mapping'],
    queryFn: () => get<Mapping>(`/sensors/${sensor.id}/mapping`),
  });
  return (
    <Modal opened onClose={onClose} title={`Interfaces of ${sensor.name}`} size="lg" lockScroll={false}>
      <Loaded query={mapping} what="interfaces">
        {(value) => <MappingForm mapping={value} sensor={sensor} onClose={onClose} />}
      </Loaded>
    </Modal>
  );
}

function MappingForm({
  mapping,
  sensor,
  onClose,
}: {
  mapping: Mapping;
  sensor: SensorDetail;
  onClose: () => void;
}) {
  const [devices, setDevices] = useState<Readonly<Record<string, string>>>({});
  const queries = useQueryClient();
  const chosen = mapping.interfaces.map(({ kind, name }) => devices[`${kind} ${name}`] ?? '');
  const twice =
    new Set(chosen.filter((device) => device !== '')).size < chosen.filter((device) => device !== '').length;
  const save = useMutation({
    mutationFn: () => {
      const of = (kind: 'monitor' | 'active') =>
        Object.fromEntries(
          mapping.interfaces
            .filter((one) => one.kind === kind)
            .map(({ name }) => [name, devices[`${kind} ${name}`] ?? '']),
        );
      const body: MappingRequest = {
        monitorInterfaces: of('monitor'),
        activeInterfaces: of('active'),
        reason: 'mapped to new hardware',
      };
      return post(`/sensors/${sensor.id}/mapping`, body);
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['sensor', sensor.id] });
      onClose();
    },
  });
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <p>
        Nothing is sent to this hardware before every interface has its place. A monitor interface that is
        mapped to the wrong card watches the wrong network, or nothing.
      </p>
      {mapping.interfaces.map(({ kind, name, device, sameName }) => (
        <Choice
          key={`${kind} ${name}`}
          label={`${kind === 'monitor' ? 'Monitor' : 'Active'} interface ${name}`}
          description={`Was ${device} on the former hardware${sameName ? '; one of that name is here too, which does not mean that the same cable is in it' : ''}`}
          value={devices[`${kind} ${name}`] ?? ''}
          options={[
            { value: '', label: 'Choose …' },
            ...mapping.nics.map((nic) => ({
              value: nic.device,
              label: [
                nic.device,
                nic.mac,
                nic.driver,
                nic.link === true ? 'link up' : 'no link',
                nic.monitorCapable ? undefined : nic.why,
              ]
                .filter((text) => text !== undefined)
                .join(' · '),
            })),
          ]}
          onChange={(value) => setDevices({ ...devices, [`${kind} ${name}`]: value })}
        />
      ))}
      {twice && <p className="text-bad">One network interface is chosen twice.</p>}
      {save.error !== null && <Problem error={save.error} />}
      <div className="actions end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={save.isPending} disabled={twice || chosen.includes('')}>
          Map them
        </Button>
      </div>
    </form>
  );
}
