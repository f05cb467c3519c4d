import type {
  EventFacets,
  EventHistogram,
  EventMark,
  EventMarkChange,
  EventPage,
  FleetEvent,
  OpenAlerts,
} from '@bulkhead/fleet-api';
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { API, get, patch, queryText, type RequestOptions } from './http.ts';

/** A question about events, as parts of an address. */
export type EventQuestion = NonNullable<RequestOptions['query']>;

const PAGE = 50;

export const eventsQuery = (question: EventQuestion) =>
  infiniteQueryOptions({
    queryKey: ['events', 'search', question],
    queryFn: ({ pageParam, signal }) =>
      get<EventPage>('/events', { query: { ...question, limit: PAGE, cursor: pageParam }, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.cursor,
    staleTime: 30_000,
  });

export const histogramQuery = (
  question: EventQuestion,
  by: 'severity' | 'type' | 'sensor' = 'severity',
  buckets = 60,
) =>
  queryOptions({
    queryKey: ['events', 'histogram', question, by, buckets],
    queryFn: ({ signal }) =>
      get<EventHistogram>('/events/histogram', { query: { ...question, by, buckets }, signal }),
    staleTime: 15_000,
    // A picture that goes blank each time the window moves on is hard to look at.
    placeholderData: keepPreviousData,
  });

export const facetsQuery = (question: EventQuestion) =>
  queryOptions({
    queryKey: ['events', 'facets', question],
    queryFn: ({ signal }) => get<EventFacets>('/events/facets', { query: { ...question, limit: 8 }, signal }),
    staleTime: 30_000,
    placeholderData: keepPreviousData,
  });

/** Alerts of the last day that wait for somebody; one small answer, whatever there is. */
export const openAlertsQuery = queryOptions({
  queryKey: ['events', 'open-alerts'],
  queryFn: ({ signal }) => get<OpenAlerts>('/events/open-alerts', { signal }),
  staleTime: 15_000,
  refetchInterval: 30_000,
});

export const eventQuery = (id: string) =>
  queryOptions({
    queryKey: ['events', 'one', id],
    queryFn: () => get<FleetEvent>(`/events/${encodeURIComponent(id)}`),
    staleTime: 60_000,
  });

export const markEvent = (id: string, change: EventMarkChange): Promise<EventMark> =>
  patch<EventMark>(`/events/${encodeURIComponent(id)}/mark`, change);

/** Where events come from as they arrive. */
export function liveAddress(question: EventQuestion): string {
  return `${API}/events/live${queryText(question)}`;
}
