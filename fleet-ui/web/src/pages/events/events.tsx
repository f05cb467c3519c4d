import type { FleetEvent } from '@bulkhead/fleet-api';
import { Button, Switch } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { eventsQuery, facetsQuery, histogramQuery } from '../../api/events.ts';
import { sensorsQuery } from '../../api/sensors.ts';
import { Empty } from '../../components/empty.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { counted } from '../../text/number-words.ts';
import { EventDrawer } from './event-drawer.tsx';
import { EventFacetList } from './event-facets.tsx';
import { EventFilters } from './event-filters.tsx';
import { EventTable } from './event-table.tsx';
import { Histogram } from './histogram.tsx';
import { questionOf, type EventSearch } from './question.ts';
import { useTail } from './use-tail.ts';
import './events.css';

/** Events of all sensors: searched, counted, or as they come. */
export function Events() {
  const search = useSearch({ from: '/shell/events' });
  const navigate = useNavigate();
  const [live, setLive] = useState(false);
  const [shown, setShown] = useState<FleetEvent | undefined>(undefined);
  // As of the moment when it was asked: a list that moves by itself cannot be read. What comes now is shown by “Live”.
  const question = useMemo(() => questionOf(search, Date.now()), [search]);
  const found = useInfiniteQuery({ ...eventsQuery(question), enabled: !live });
  const histogram = useQuery(histogramQuery(question));
  const facets = useQuery(facetsQuery(question));
  const tail = useTail(question, live);
  const sensors = useQuery(sensorsQuery).data?.sensors ?? [];
  const names = useMemo(() => new Map(sensors.map(({ id, name }) => [id, name])), [sensors]);
  const set = (change: EventSearch) => {
    const next = Object.fromEntries(
      Object.entries({ ...search, ...change }).filter(([, value]) => value !== undefined && value !== ''),
    );
    void navigate({ to: '/events', search: next });
  };
  const events = live ? tail.events : (found.data?.pages ?? []).flatMap((page) => page.events);
  return (
    <Page
      title="Events"
      about="What instruments on all sensors reported and the fleet has stored."
      actions={
        <Switch
          label={
            live
              ? `Live${tail.state === 'open' ? `: ${counted(tail.seen, 'event')}` : ` (${tail.state})`}`
              : 'Live'
          }
          checked={live}
          onChange={(event) => setLive(event.currentTarget.checked)}
        />
      }
    >
      <EventFilters search={search} set={set} />
      <Histogram query={histogram} onChoose={(since, until) => set({ since, until })} />
      <div className="events">
        <EventFacetList facets={facets.data} names={names} search={search} set={set} />
        <div className="events-list">
          {!live && found.error !== null && (
            <Problem error={found.error} retry={() => void found.refetch()} />
          )}
          {events.length > 0 ? (
            <EventTable events={events} names={names} shown={shown?.id} onShow={setShown} />
          ) : (
            <Nothing
              live={live}
              loading={found.isPending}
              failed={found.error !== null}
              sensors={sensors.length}
            />
          )}
          {!live && found.hasNextPage && (
            <Button
              className="more"
              variant="default"
              loading={found.isFetchingNextPage}
              onClick={() => void found.fetchNextPage()}
            >
              Older ones
            </Button>
          )}
        </div>
      </div>
      <EventDrawer event={shown} names={names} set={set} onClose={() => setShown(undefined)} />
    </Page>
  );
}

function Nothing({
  live,
  loading,
  failed,
  sensors,
}: {
  live: boolean;
  loading: boolean;
  failed: boolean;
  sensors: number;
}) {
  if (live) return <p role="status">Waiting for the next event that fits …</p>;
  if (loading) return <p role="status">Searching …</p>;
  if (failed) return null;
  return (
    <Empty title="No event fits">
      {sensors === 0 ? (
        <p>There are no sensors yet, so nothing has been reported.</p>
      ) : (
        <p>
          Look at a longer time, or take a filter away. Which kinds of event a sensor sends to the fleet is
          said by its configuration; what it does not send can still be searched on the sensor itself.
        </p>
      )}
    </Empty>
  );
}
