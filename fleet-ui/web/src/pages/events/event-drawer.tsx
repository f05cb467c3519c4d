import type { EventMark, EventMarkChange, FleetEvent } from '@bulkhead/fleet-api';
import { Button, Drawer, Textarea } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { markEvent } from '../../api/events.ts';
import { useMay } from '../../api/session.ts';
import { Badge } from '../../components/badge.tsx';
import { CopyText } from '../../components/copy-text.tsx';
import { Problem } from '../../components/problem.tsx';
import { Ago } from '../../components/time.tsx';
import { clockTime } from '../../text/time-words.ts';
import { eventPath, eventWords } from './event-words.ts';
import type { EventSearch } from './question.ts';
import { SeverityBadge } from './severity-badge.tsx';

/** All that is known of one event, and what people noted about it. */
export function EventDrawer({
  event,
  names,
  set,
  onClose,
}: {
  event: FleetEvent | undefined;
  names: ReadonlyMap<string, string>;
  set: (change: EventSearch) => void;
  onClose: () => void;
}) {
  return (
    <Drawer
      opened={event !== undefined}
      onClose={onClose}
      position="right"
      size="min(620px, 100vw)"
      title={event === undefined ? '' : eventWords(event) || event.type}
      lockScroll={false}
      transitionProps={{ duration: 0 }}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {event !== undefined && (
        <Detail key={event.id} event={event} sensor={names.get(event.sensor) ?? event.sensor} set={set} />
      )}
    </Drawer>
  );
}

function Detail({
  event,
  sensor,
  set,
}: {
  event: FleetEvent;
  sensor: string;
  set: (change: EventSearch) => void;
}) {
  const { record } = event;
  const alert = record['alert'] as { signature_id?: unknown; category?: unknown } | undefined;
  const flow = [record['community_id'], record['flow_id']].find(
    (one) => typeof one === 'string' || typeof one === 'number',
  );
  const signature = alert?.signature_id;
  const addresses = [record['src_ip'], record['dest_ip']].filter((one) => typeof one === 'string');
  return (
    <div className="stack">
      <dl className="facts">
        <dt>Time</dt>
        <dd>
          {clockTime(event.time)} (<Ago time={event.time} />)
        </dd>
        <dt>Severity</dt>
        <dd>
          <SeverityBadge severity={event.severity} /> {typeof alert?.category === 'string' && alert.category}
        </dd>
        <dt>From → to</dt>
        <dd className="mono">{eventPath(record) ?? 'says nothing of addresses'}</dd>
        <dt>Reported by</dt>
        <dd>
          <Link to="/sensors/$sensor" params={{ sensor: event.sensor }}>
            {sensor}
          </Link>
          , {event.instrument}, as {event.type}
        </dd>
      </dl>
      <div className="actions">
        {typeof signature === 'number' && (
          <Button
            size="xs"
            variant="default"
            onClick={() => set({ signature: String(signature), range: '30d' })}
          >
            Past occurrences
          </Button>
        )}
        {flow !== undefined && (
          <Button size="xs" variant="default" onClick={() => set({ flow: String(flow), severity: '' })}>
            Everything of its flow
          </Button>
        )}
        {addresses.map((address) => (
          <Button key={address} size="xs" variant="default" onClick={() => set({ address, severity: '' })}>
            {address}
          </Button>
        ))}
      </div>
      <Handling event={event} />
      <div>
        <h3>Record, as the instrument published it</h3>
        <CopyText text={JSON.stringify(record, undefined, 2)} label="Record" />
      </div>
    </div>
  );
}

function Handling({ event }: { event: FleetEvent }) {
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
