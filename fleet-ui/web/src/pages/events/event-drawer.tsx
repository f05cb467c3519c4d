import type { FleetEvent } from '@bulkhead/fleet-api';
import { Button, Drawer } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { suppressionsQuery } from '../../api/event-desk.ts';
import { useMay } from '../../api/session.ts';
import { Badge } from '../../components/badge.tsx';
import { CopyText } from '../../components/copy-text.tsx';
import { Ago } from '../../components/time.tsx';
import { shortAddress } from '../../text/address-words.ts';
import { clockTime } from '../../text/time-words.ts';
import { alertFields, recordParts } from './alert-fields.ts';
import { EventHandling } from './event-handling.tsx';
import { DnsNames, FlowEvents } from './event-neighbours.tsx';
import { PastOccurrences, RuleTextCard } from './event-origin.tsx';
import type { EventSensor } from './event-sensor.ts';
import { eventPath, eventWords } from './event-words.ts';
import { Guide } from './guide.tsx';
import type { EventSearch } from './question.ts';
import { SeverityBadge } from './severity-badge.tsx';
import { SuppressDialog } from './suppress-dialog.tsx';

/** All that is known of one event, and what people noted about it. */
export function EventDrawer({
  event,
  sensors,
  guided,
  set,
  show,
  onClose,
}: {
  event: FleetEvent | undefined;
  sensors: ReadonlyMap<string, EventSensor>;
  /** It is to be explained from the start. */
  guided: boolean;
  set: (change: EventSearch) => void;
  /** Shows another event in its place. */
  show: (event: FleetEvent) => void;
  onClose: () => void;
}) {
  return (
    <Drawer
      opened={event !== undefined}
      onClose={onClose}
      position="right"
      size="min(620px, 100vw)"
      title={event === undefined ? '' : <bdi>{eventWords(event) || event.type}</bdi>}
      lockScroll={false}
      transitionProps={{ duration: 0 }}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {event !== undefined && (
        <Detail
          key={event.id}
          event={event}
          sensor={
            sensors.get(event.sensor) ?? {
              id: event.sensor,
              name: event.sensor,
              attached: false,
              lastSeen: undefined,
            }
          }
          names={sensors}
          guided={guided}
          set={set}
          show={show}
        />
      )}
    </Drawer>
  );
}

function Detail({
  event,
  sensor,
  names,
  guided,
  set,
  show,
}: {
  event: FleetEvent;
  sensor: EventSensor;
  names: ReadonlyMap<string, EventSensor>;
  guided: boolean;
  set: (change: EventSearch) => void;
  show: (event: FleetEvent) => void;
}) {
  const { record } = event;
  const [suppressing, setSuppressing] = useState(false);
  const maySuppress = useMay('events.handle', { sensor: event.sensor });
  const found = alertFields(event);
  const flow = found.community ?? found.flow;
  const addresses = [...new Set([found.source, found.destination])].filter((one) => one !== undefined);
  return (
    <div className="stack">
      <Suppressed id={event.suppressed} />
      <dl className="facts">
        <dt>Time</dt>
        <dd>
          {clockTime(event.time)} (<Ago time={event.time} />)
        </dd>
        <dt>Severity</dt>
        <dd>
          <SeverityBadge severity={event.severity} /> <bdi>{found.category}</bdi>
        </dd>
        <dt>From → to</dt>
        <dd className="mono">{eventPath(record) ?? 'says nothing of addresses'}</dd>
        {found.protocol !== undefined && (
          <>
            <dt>Protocol</dt>
            <dd className="mono">{found.protocol}</dd>
          </>
        )}
        {found.signature !== undefined && (
          <>
            <dt>Signature</dt>
            <dd className="mono">
              {found.signature}
              {found.revision !== undefined && `, revision ${String(found.revision)}`}
            </dd>
          </>
        )}
        <dt>Reported by</dt>
        <dd>
          <Link to="/sensors/$sensor" params={{ sensor: event.sensor }}>
            {sensor.name}
          </Link>
          , {event.instrument}, as {event.type}
        </dd>
      </dl>
      <div className="actions">
        {found.signature !== undefined && (
          <Button
            size="xs"
            variant="default"
            onClick={() => set({ signature: found.signature, range: '30d', suppressed: 'show' })}
          >
            Past occurrences
          </Button>
        )}
        {flow !== undefined && (
          <Button size="xs" variant="default" onClick={() => set({ flow, severity: '', suppressed: 'show' })}>
            Everything of its flow
          </Button>
        )}
        {addresses.map((address) => (
          <Button key={address} size="xs" variant="default" onClick={() => set({ address, severity: '' })}>
            {shortAddress(address)}
          </Button>
        ))}
        {found.signature !== undefined && maySuppress && (
          <Button size="xs" variant="default" onClick={() => setSuppressing(true)}>
            Suppress …
          </Button>
        )}
      </div>
      <Guide event={event} sensor={sensor.name} open={guided} />
      <EventHandling event={event} />
      {recordParts(record).map(({ title, rows }) => (
        <section key={title} className="card" aria-label={title}>
          <h3>{title}</h3>
          <dl className="facts">
            {rows.map(([name, value]) => [
              <dt key={`${name} name`}>{name}</dt>,
              <dd key={name} className="mono">
                <bdi>{value}</bdi>
              </dd>,
            ])}
          </dl>
        </section>
      ))}
      {addresses.length > 0 && <DnsNames sensor={sensor} addresses={addresses} />}
      {flow !== undefined && (
        <FlowEvents
          event={event}
          flow={flow}
          everywhere={found.community !== undefined}
          names={names}
          show={show}
        />
      )}
      {found.signature !== undefined && (
        <>
          <PastOccurrences signature={found.signature} names={names} />
          <RuleTextCard event={event} sensor={sensor} />
        </>
      )}
      <div>
        <h3>Record, as the instrument published it</h3>
        <CopyText text={JSON.stringify(record, undefined, 2)} label="Record" />
      </div>
      {suppressing && <SuppressDialog event={event} sensor={sensor} onClose={() => setSuppressing(false)} />}
    </div>
  );
}

function Suppressed({ id }: { id: string | undefined }) {
  const all = useQuery({ ...suppressionsQuery, enabled: id !== undefined });
  if (id === undefined) return null;
  const found = all.data?.suppressions.find((one) => one.id === id);
  return (
    <p className="said">
      <Badge tone="idle">suppressed</Badge>{' '}
      {found === undefined ? (
        'It is not shown unless it is asked for, and nobody is notified of it.'
      ) : (
        <>
          By {found.by.name} until {clockTime(found.expires)}: <bdi>{found.reason}</bdi>
        </>
      )}
    </p>
  );
}
