import type { LinkView } from '@bulkhead/fleet-api';
import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { configRevisionsQuery, rollBackTo } from '../../api/config.ts';
import { useMay } from '../../api/session.ts';
import { Confirm } from '../../components/confirm.tsx';
import { told } from '../../components/told.ts';
import { lostAfter } from './lost-after.ts';

/** Says so when a sensor fell silent right after it got a configuration, with the way back. */
export function LostLink({ sensor, link }: { sensor: string; link: LinkView }) {
  const revisions = useQuery(configRevisionsQuery(sensor)).data?.revisions ?? [];
  const may = useMay('sensors.configure', { sensor });
  const [asked, setAsked] = useState(false);
  const queries = useQueryClient();
  const lost = lostAfter(link, revisions);
  if (lost === undefined) return null;
  const back = async () => {
    await rollBackTo(sensor, lost.back ?? 0, `the link was lost after revision ${String(lost.revision)}`);
    await queries.invalidateQueries({ queryKey: ['sensor', sensor] });
    told('It goes back as soon as the sensor is there again.');
  };
  return (
    <div className="card said" role="status">
      <h2>The link was lost after revision {lost.revision}</h2>
      <p>
        It ended {lost.afterS} s after that configuration. A sensor that does not reach this fleet for two
        minutes after a configuration of the fleet goes back to the one before by itself, and says so when it
        is back.
      </p>
      {may && lost.back !== undefined && (
        <Button size="xs" onClick={() => setAsked(true)}>
          Go back to revision {lost.back}
        </Button>
      )}
      <Confirm
        opened={asked}
        title={`Go back to revision ${String(lost.back ?? 0)}?`}
        verb="Go back"
        act={back}
        onClose={() => setAsked(false)}
      >
        <p>
          What was changed for this sensor since then is undone, as a new revision, as soon as the sensor is
          there again. Until then nothing can be sent to it.
        </p>
      </Confirm>
    </div>
  );
}
