import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { sensorSearchQuery } from '../../api/event-desk.ts';
import type { EventQuestion } from '../../api/events.ts';
import { Loaded } from '../../components/loaded.tsx';
import { Ago } from '../../components/time.tsx';
import { clockTime } from '../../text/time-words.ts';
import type { EventSensor } from './event-sensor.ts';
import { eventPath, eventWords } from './event-words.ts';

/** Which sensors of a search are away, so that what is shown may not be all. */
export function AwaySensors({ sensors }: { sensors: readonly EventSensor[] }) {
  const away = sensors.filter(({ attached }) => !attached);
  if (away.length === 0) return null;
  return (
    <p className="said" role="status">
      {away.length === 1 && away[0] !== undefined ? (
        <>
          {away[0].name} is away{away[0].lastSeen === undefined ? '' : ', last heard '}
          {away[0].lastSeen !== undefined && <Ago time={away[0].lastSeen} />}.
        </>
      ) : (
        `${String(away.length)} of these sensors are away: ${away
          .slice(0, 5)
          .map(({ name }) => name)
          .join(', ')}${away.length > 5 ? ' …' : ''}.`
      )}{' '}
      What they reported before is here. What they record meanwhile comes by itself when they are back, and
      cannot be searched until then.
    </p>
  );
}

/** The same search in the own store of one sensor, which also holds what it does not send to the fleet. */
export function OnSensor({ sensor, question }: { sensor: EventSensor; question: EventQuestion }) {
  const [asked, setAsked] = useState(false);
  if (!sensor.attached) {
    return <p className="quiet">The own store of {sensor.name} cannot be searched while it is away.</p>;
  }
  return (
    <section className="card" aria-label={`On ${sensor.name} itself`}>
      <h2>On {sensor.name} itself</h2>
      <p className="quiet">
        Its own store also holds what it does not send to the fleet. Who handled what, and suppressions, are
        not known there.
      </p>
      {asked ? (
        <Found sensor={sensor.id} question={question} />
      ) : (
        <Button size="xs" variant="default" onClick={() => setAsked(true)}>
          Search there
        </Button>
      )}
    </section>
  );
}

function Found({ sensor, question }: { sensor: string; question: EventQuestion }) {
  const { types, instruments, since, until, severity, address, name, signature, flow, text } = question;
  const query = useQuery(
    sensorSearchQuery(sensor, {
      ...{ type: types, since, until, severity, address, name, signature, flow, text },
      instrument: typeof instruments === 'string' ? instruments.split(',')[0] : undefined,
    }),
  );
  return (
    <Loaded query={query} what="what the sensor finds">
      {({ events, cursor }) =>
        events.length === 0 ? (
          <p>It has nothing that fits.</p>
        ) : (
          <>
            <ul className="flow-events">
              {events.map((one) => (
                <li key={one.id}>
                  <bdi>{eventWords(one) || one.type}</bdi>
                  <div className="quiet">
                    {one.type}, {one.instrument}, {clockTime(one.time)} {eventPath(one.record) ?? ''}
                  </div>
                </li>
              ))}
            </ul>
            {cursor !== undefined && <p className="quiet">The newest ones; there are more.</p>}
          </>
        )
      }
    </Loaded>
  );
}
