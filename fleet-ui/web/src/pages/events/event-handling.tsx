import type { EventMark, EventMarkChange, FleetEvent } from '@bulkhead/fleet-api';
import { Button, Textarea } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { markEvent } from '../../api/events.ts';
import { useMay } from '../../api/session.ts';
import { Badge } from '../../components/badge.tsx';
import { Problem } from '../../components/problem.tsx';
import { Ago } from '../../components/time.tsx';

/** Who is on an event, what they noted, and whether it is dealt with. */
export function EventHandling({ event }: { event: FleetEvent }) {
  const [mark, setMark] = useState<EventMark | undefined>(event.mark);
  const [note, setNote] = useState(event.mark?.note ?? '');
  const may = useMay('events.handle', { sensor: event.sensor, instrument: event.instrument });
  const queries = useQueryClient();
  useEffect(() => setMark(event.mark), [event.mark]);
  const change = useMutation({
    mutationFn: (what: EventMarkChange) => markEvent(event.id, what),
    onSuccess: (now) => {
      setMark(now);
      void queries.invalidateQueries({ queryKey: ['events', 'search'] });
    },
  });
  return (
    <section className="card" aria-label="Handling">
      <p>
        {mark?.handled === true ? <Badge tone="good">handled</Badge> : <Badge tone="idle">not handled</Badge>}{' '}
        {mark?.owner === undefined ? 'Nobody is on it.' : `${mark.owner.name} is on it.`}{' '}
        {mark !== undefined && (
          <span className="quiet">
            {mark.by.name}, <Ago time={mark.at} />
          </span>
        )}
      </p>
      {may && (
        <div className="stack">
          <Textarea label="Note" rows={2} value={note} onChange={(one) => setNote(one.currentTarget.value)} />
          <div className="actions">
            <Button
              size="xs"
              variant="default"
              onClick={() => change.mutate({ owner: mark?.owner === undefined ? 'me' : null })}
            >
              {mark?.owner === undefined ? 'I take it on' : 'Give it back'}
            </Button>
            <Button
              size="xs"
              variant="default"
              onClick={() => change.mutate({ handled: mark?.handled !== true, note })}
            >
              {mark?.handled === true ? 'It is not handled' : 'It is handled'}
            </Button>
            <Button
              size="xs"
              variant="default"
              disabled={note === (mark?.note ?? '')}
              onClick={() => change.mutate({ note })}
            >
              Keep the note
            </Button>
          </div>
          {change.error !== null && <Problem error={change.error} />}
        </div>
      )}
    </section>
  );
}
