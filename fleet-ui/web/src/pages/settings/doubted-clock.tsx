import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { post } from '../../api/http.ts';
import { Confirm } from '../../components/confirm.tsx';
import { told } from '../../components/told.ts';

/** The fleet's clock went on by more days than anybody saw pass: events do not grow old by them before a person says so. */
export function DoubtedClock({ days, mayAccept }: { days: number; mayAccept: boolean }) {
  const [asked, setAsked] = useState(false);
  const queries = useQueryClient();
  const accept = async () => {
    await post('/events/accept-clock');
    await queries.invalidateQueries({ queryKey: ['events', 'status'] });
    await queries.invalidateQueries({ queryKey: ['attention'] });
    told('Events are as old now as the clock says.');
  };
  return (
    <div className="card said">
      <h3>The clock of the fleet is in doubt</h3>
      <p>
        It says {days} days more than the fleet has seen pass. If it is wrong, set it. If the fleet was off
        for so long, confirm it.
      </p>
      {mayAccept && (
        <div className="actions">
          <Button variant="default" onClick={() => setAsked(true)}>
            The clock is right
          </Button>
        </div>
      )}
      <Confirm
        opened={asked}
        title="The clock is right"
        verb="Confirm"
        act={accept}
        onClose={() => setAsked(false)}
      >
        <p>
          Events that are older than the fleet keeps them, by this clock, are dropped within a minute, and do
          not come back. Sensors keep theirs by their own settings.
        </p>
      </Confirm>
    </div>
  );
}
