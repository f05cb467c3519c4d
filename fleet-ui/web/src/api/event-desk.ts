import type {
  EventPage,
  EventView,
  EventViewRequest,
  EventViewsReply,
  Occurrences,
  RuleText,
  Suppression,
  SuppressionPreview,
  SuppressionRequest,
  SuppressionRule,
  SuppressionsReply,
} from '@bulkhead/fleet-api';
import { queryOptions } from '@tanstack/react-query';
import { API, get, post, queryText, remove } from './http.ts';
import type { EventQuestion } from './events.ts';
import { askSensor } from './sensor.ts';

/** One record of passive DNS: what a name was answered with; times in seconds since 1970. */
export interface SeenName {
  rrname: string;
  rrtype: string;
  rdata: string;
  time_first: number;
  time_last: number;
  count: number;
}

/** A record in a sensor's own store. */
export interface SensorRecord {
  id: string;
  instrument: string;
  type: string;
  time: string;
  record: Readonly<Record<string, unknown>>;
}

export const occurrencesQuery = (signature: string) =>
  queryOptions({
    queryKey: ['events', 'occurrences', signature],
    queryFn: ({ signal }) => get<Occurrences>('/events/occurrences', { query: { signature }, signal }),
    staleTime: 60_000,
  });

export const ruleTextQuery = (event: string) =>
  queryOptions({
    queryKey: ['events', 'rule', event],
    queryFn: ({ signal }) => get<RuleText>(`/events/${encodeURIComponent(event)}/rule`, { signal }),
    staleTime: 60_000,
  });

/** What else belongs to a flow: by its Community ID on all sensors, else by its id on one. */
export const flowQuery = (flow: string, sensor: string | undefined) =>
  queryOptions({
    queryKey: ['events', 'flow', flow, sensor],
    queryFn: ({ signal }) =>
      get<EventPage>('/events', {
        query: { flow, sensors: sensor, suppressed: 'show', limit: 20 },
        signal,
      }),
    staleTime: 30_000,
  });

export const namesQuery = (sensor: string, address: string) =>
  queryOptions({
    queryKey: ['sensor-asked', sensor, 'dns', address],
    queryFn: ({ signal }) =>
      askSensor<{ instrument: string; records: SeenName[]; more: boolean }>(sensor, '/dns/lookup', {
        query: { query: address, limit: 8 },
        signal,
      }),
    staleTime: 300_000,
    retry: false,
  });

/** The sensor's own store: also of what it does not send to the fleet. */
export const sensorSearchQuery = (sensor: string, question: EventQuestion) =>
  queryOptions({
    queryKey: ['sensor-asked', sensor, 'search', question],
    queryFn: ({ signal }) =>
      askSensor<{ events: SensorRecord[]; cursor?: string }>(sensor, '/search', {
        query: { ...question, limit: 25 },
        signal,
      }),
    staleTime: 60_000,
    retry: false,
  });

export const suppressionsQuery = queryOptions({
  queryKey: ['events', 'suppressions'],
  queryFn: ({ signal }) => get<SuppressionsReply>('/events/suppressions', { signal }),
  staleTime: 15_000,
});

export const suppressionPreviewQuery = (rule: SuppressionRule, days: number) =>
  queryOptions({
    queryKey: ['events', 'suppression-preview', rule, days],
    queryFn: ({ signal }) =>
      get<SuppressionPreview>('/events/suppressions/preview', { query: { ...rule, days }, signal }),
    staleTime: 30_000,
  });

export const suppress = (request: SuppressionRequest): Promise<Suppression> =>
  post<Suppression>('/events/suppressions', request);
export const unsuppress = (id: string): Promise<unknown> =>
  remove(`/events/suppressions/${encodeURIComponent(id)}`);

export const viewsQuery = queryOptions({
  queryKey: ['events', 'views'],
  queryFn: ({ signal }) => get<EventViewsReply>('/events/views', { signal }),
  staleTime: 60_000,
});
export const saveView = (view: EventViewRequest): Promise<EventView> =>
  post<EventView>('/events/views', view);
export const removeView = (id: string): Promise<unknown> => remove(`/events/views/${encodeURIComponent(id)}`);

/** Where a search is taken away from, as lines of JSON. */
export function exportAddress(question: EventQuestion): string {
  return `${API}/events/export${queryText(question)}`;
}
