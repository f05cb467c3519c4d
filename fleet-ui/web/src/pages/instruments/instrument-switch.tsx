import type { SeenInstrument } from '@bulkhead/fleet-api';
import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { desiredQuery, putOverrides, withEnabled } from '../../api/config.ts';
import { tellSensor } from '../../api/sensor.ts';
import { useMay } from '../../api/session.ts';
import { Confirm } from '../../components/confirm.tsx';
import { told } from '../../components/told.ts';

/** Start, stop and restart. Start and stop are revisions of the sensor's configuration, so they last; a restart is not. */
export function InstrumentSwitch({
  sensor,
  instrument,
  attached,
}: {
  sensor: string;
  instrument: SeenInstrument;
  attached: boolean;
}) {
  const { name } = instrument;
  const operate = useMay('sensors.operate', { sensor, instrument: name });
  const configure = useMay('sensors.configure', { sensor, instrument: name });
  const [asked, setAsked] = useState<'restart' | 'switch' | undefined>(undefined);
  const desired = useQuery({ ...desiredQuery(sensor), enabled: configure }).data;
  const queries = useQueryClient();
  const off = instrument.state === 'disabled';
  const known = desired?.document !== undefined;
  const restart = async () => {
    await tellSensor(sensor, `/instruments/${encodeURIComponent(name)}/restart`);
    await queries.invalidateQueries({ queryKey: ['sensor', sensor] });
    told(`${name} is being restarted.`);
  };
  const toggle = async () => {
    if (desired === undefined) return;
    const outcome = await putOverrides(
      sensor,
      withEnabled(desired.overrides, name, off),
      `${name} ${off ? 'started' : 'stopped'}`,
    );
    await queries.invalidateQueries({ queryKey: ['sensor', sensor] });
    told(
      outcome.state === 'waiting'
        ? 'It is done as soon as the sensor is there.'
        : `${name} is being ${off ? 'started' : 'stopped'}.`,
    );
  };
  return (
    <>
      {operate && (
        <Button size="xs" variant="default" disabled={!attached || off} onClick={() => setAsked('restart')}>
          Restart
        </Button>
      )}
      {configure && known && (
        <Button size="xs" variant="default" onClick={() => setAsked('switch')}>
          {off ? 'Start' : 'Stop'}
        </Button>
      )}
      <Confirm
        opened={asked === 'restart'}
        title={`Restart ${name}?`}
        verb="Restart"
        act={restart}
        onClose={() => setAsked(undefined)}
      >
        <p>
          Its container is stopped and started again. Until it runs, it sees nothing; packets of that time are
          counted as lost. Its transient storage is emptied; what it keeps in its persistent storage stays.
        </p>
      </Confirm>
      <Confirm
        opened={asked === 'switch'}
        title={off ? `Start ${name}?` : `Stop ${name}?`}
        verb={off ? 'Start' : 'Stop'}
        harmless={off}
        act={toggle}
        onClose={() => setAsked(undefined)}
      >
        <p>
          {off
            ? 'It runs from now on, also after the sensor is restarted.'
            : 'It sees and reports nothing until it is started again. Its transient storage is emptied; its persistent storage stays.'}
        </p>
        <p className="quiet">
          It becomes a value of the sensor’s own, above what its group says, as a new revision.
        </p>
      </Confirm>
    </>
  );
}
