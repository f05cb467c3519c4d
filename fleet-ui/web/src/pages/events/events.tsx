import type { FleetEvent } from '@bulkhead/fleet-api';
import { Button, Switch } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useRef, useState } from 'react';
import { exportAddress, suppressionsQuery } from '../../api/event-desk.ts';
import { eventQuery, eventsQuery, facetsQuery, histogramQuery } from '../../api/events.ts';
import { sensorsQuery } from '../../api/sensors.ts';
import { Empty } from '../../components/empty.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { counted } from '../../text/number-words.ts';
import { EventDrawer } from './event-drawer.tsx';
import { EventFacetList } from './event-facets.tsx';
import { EventFilters } from './event-filters.tsx';
import type { EventSensor } from './event-sensor.ts';
import { EventTable } from './event-table.tsx';
import { Histogram } from './histogram.tsx';
import { AwaySensors, OnSensor } from './on-sensor.tsx';
import { questionOf, savedSearch, type EventSearch } from './question.ts';
import { SuppressionsDialog } from './suppressions-dialog.tsx';
import { useFresh } from './use-fresh.ts';
import { useTail } from './use-tail.ts';
import { ViewsMenu } from './views-menu.tsx';
import './events.css';

/** Fewer events than that, and somebody probably sees them for the first time. */
const FEW = 25;

/** Events of all sensors: searched, counted, or as they come. */
export function Events() {
  const search = useSearch({ from: '/shell/events' });
  const navigate = useNavigate();
  const [live, setLive] = useState(false);
  const [clicked, setClicked] = useState<FleetEvent | undefined>(undefined);
  const [listing, setListing] = useState(false);
  // As of the moment when it was asked: a list that moves by itself cannot be read. What comes now is shown, and counted, by “Live”.
  const asked = JSON.stringify(savedSearch(search));
  const question = useMemo(() => questionOf(JSON.parse(asked) as EventSearch, Date.now()), [asked]);
  const found = useInfiniteQuery({ ...eventsQuery(question), enabled: !live });
  const histogram = useQuery(histogramQuery(question));
  const facets = useQuery(facetsQuery(question));
  const tail = useTail(question, live);
  // One after the other, and what is shown stays until the new is there. In a time that is over nothing changes.
  useFresh(live && question['until'] === undefined, question, tail.seen, async () => {
    await facets.refetch({ cancelRefetch: false });
    await histogram.refetch({ cancelRefetch: false });
  });
  const sensors = useQuery(sensorsQuery).data?.sensors ?? [];
  const names = useMemo(
    () =>
      new Map(
        sensors.map(({ id, name, attached, lastSeen }): [string, EventSensor] => [
          id,
          { id, name, attached, lastSeen },
        ]),
      ),
    [sensors],
  );
  // What an address names is asked for; what somebody clicked at is there already.
  const named = useQuery({
    ...eventQuery(search.show ?? ''),
    enabled: search.show !== undefined && clicked?.id !== search.show,
  });
  const shown = search.show === undefined ? undefined : clicked?.id === search.show ? clicked : named.data;
  const suppressions = useQuery(suppressionsQuery).data?.suppressions ?? [];
  const acting = suppressions.filter(({ active }) => active).length;
  const set = (change: EventSearch) => {
    const next = Object.fromEntries(
      Object.entries({ ...search, ...change }).filter(([, value]) => value !== undefined && value !== ''),
    );
    void navigate({ to: '/events', search: next });
  };
  // Another search is looked at, and not the event that led to it.
  const narrow = (change: EventSearch) => set({ ...change, show: undefined, guide: undefined });
  const show = (event: FleetEvent | undefined, guide?: string) => {
    setClicked(event);
    set({ show: event?.id, guide });
  };
  const events = live ? tail.events : (found.data?.pages ?? []).flatMap((page) => page.events);
  const newest = events.find(({ type }) => type === 'alert');
  const chosen = (search.sensor ?? '').split(',').flatMap((id) => names.get(id) ?? []);
  // Rows are drawn anew only when their event changes, not when the address does.
  const latest = useRef(show);
  latest.current = show;
  const showClicked = useRef((event: FleetEvent) => latest.current(event));
  return (
    <Page
      title="Events"
      about="What instruments on all sensors reported and the fleet has stored."
      actions={
        <>
          <ViewsMenu
            search={search}
            open={(view) =>
              void navigate({ to: '/events', search: Object.fromEntries(Object.entries(savedSearch(view))) })
            }
          />
          <Button variant="default" onClick={() => setListing(true)}>
            {acting === 0 ? 'Suppressions' : `Suppressions: ${String(acting)}`}
          </Button>
          <Button variant="default" component="a" href={exportAddress(question)} download="events.ndjson">
            Export
          </Button>
          <Switch
            label={
              live
                ? `Live${tail.state === 'open' ? `: ${counted(tail.seen, 'event')}` : ` (${tail.state})`}`
                : 'Live'
            }
            checked={live}
            onChange={(event) => setLive(event.currentTarget.checked)}
          />
        </>
      }
    >
      <EventFilters search={search} set={narrow} />
      <Histogram query={histogram} onChoose={(since, until) => narrow({ since, until })} />
      <AwaySensors sensors={chosen.length === 0 ? [...names.values()] : chosen} />
      <div className="events">
        <EventFacetList facets={facets.data} question={question} names={names} search={search} set={narrow} />
        <div className="events-list">
          {!live && found.error !== null && (
            <Problem error={found.error} retry={() => void found.refetch()} />
          )}
          {events.length > 0 ? (
            <EventTable events={events} names={names} shown={shown?.id} onShow={showClicked.current} />
          ) : (
            <Nothing
              live={live}
              loading={found.isPending}
              failed={found.error !== null}
              sensors={sensors.length}
            />
          )}
          {!live && newest !== undefined && events.length < FEW && (
            <p className="said">
              New to this?{' '}
              <button type="button" className="link-button" onClick={() => show(newest, 'yes')}>
                Let one alert explain itself
              </button>
              , from the wire to this page.
            </p>
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
          {!live && chosen.length === 1 && chosen[0] !== undefined && (
            <OnSensor
              key={`${chosen[0].id} ${JSON.stringify(question)}`}
              sensor={chosen[0]}
              question={question}
            />
          )}
        </div>
      </div>
      {search.show !== undefined && shown === undefined && named.error !== null && (
        <Problem error={named.error} />
      )}
      <EventDrawer
        event={shown}
        sensors={names}
        guided={search.guide !== undefined}
        set={narrow}
        show={show}
        onClose={() => show(undefined)}
      />
      {listing && <SuppressionsDialog names={names} onClose={() => setListing(false)} />}
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
