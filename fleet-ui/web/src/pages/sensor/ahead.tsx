import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { resend, takeOver } from '../../api/config.ts';
import { useMay } from '../../api/session.ts';
import { Confirm } from '../../components/confirm.tsx';
import { told } from '../../components/told.ts';

/**
 * The sensor has a configuration that this fleet does not know: it was restored from a backup. Which one counts is for a person to
 * say, once.
 */
export function Ahead({ sensor, revision }: { sensor: string; revision: number }) {
  const [asked, setAsked] = useState<'take' | 'send'>();
  const may = useMay('sensors.configure', { sensor });
  const queries = useQueryClient();
  const decide = async (act: (sensor: string) => Promise<unknown>, text: string) => {
    await act(sensor);
    await queries.invalidateQueries({ queryKey: ['sensor', sensor] });
    await queries.invalidateQueries({ queryKey: ['attention'] });
    told(text);
  };
  return (
    <div className="card said">
      <h3>Which configuration counts?</h3>
      <p>
        The sensor has revision {revision}, and this fleet does not know what stands in it: the fleet was
        restored from an older backup. The sensor keeps what it has until somebody decides.
      </p>
      {may ? (
        <div className="actions">
          <Button variant="default" onClick={() => setAsked('take')}>
            Take over what the sensor has
          </Button>
          <Button variant="default" onClick={() => setAsked('send')}>
            Send what the fleet has
          </Button>
        </div>
      ) : (
        <p className="quiet">You may not change its configuration; ask somebody who may.</p>
      )}
      <Confirm
        opened={asked === 'take'}
        title="Take over what the sensor has"
        verb="Take over"
        harmless
        act={() => decide(takeOver, 'The fleet has the configuration of the sensor now.')}
        onClose={() => setAsked(undefined)}
      >
        <p>
          What the sensor runs now becomes its configuration here. What this fleet had set for this sensor
          alone is given up; earlier revisions stay in the list. The sensor must be connected.
        </p>
      </Confirm>
      <Confirm
        opened={asked === 'send'}
        title="Send what the fleet has"
        verb="Send"
        act={() => decide(resend, 'The sensor gets the configuration of the fleet.')}
        onClose={() => setAsked(undefined)}
      >
        <p>
          The document below replaces what the sensor runs now. Changes that were made after the backup are
          undone on the sensor; its own history still has them.
        </p>
      </Confirm>
    </div>
  );
}
