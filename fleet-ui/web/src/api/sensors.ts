import type {
  AdoptionCodeReply,
  AdoptionCodeRequest,
  BulkRequest,
  Group,
  OutcomesReply,
  Sensor,
  SensorBriefsReply,
  SensorDetail,
} from '@bulkhead/fleet-api';
import { queryOptions } from '@tanstack/react-query';
import { get, post } from './http.ts';

/** The sensors that one may see. */
export const sensorsQuery = queryOptions({
  queryKey: ['sensors'],
  queryFn: () => get<{ sensors: Sensor[] }>('/sensors'),
  refetchInterval: 30_000,
});

/**
 * How all of them are, in one answer, with when it came. Live events tell of changes at once (they make `sensors` old); the
 * interval is for what no event tells, e.g. growing losses.
 */
export const briefsQuery = queryOptions({
  queryKey: ['sensors', 'status'],
  queryFn: () => get<SensorBriefsReply>('/sensors/status'),
  staleTime: 5_000,
  refetchInterval: 15_000,
});

export const sensorQuery = (sensor: string) =>
  queryOptions({
    queryKey: ['sensor', sensor, 'entry'],
    queryFn: () => get<SensorDetail>(`/sensors/${encodeURIComponent(sensor)}`),
    refetchInterval: 30_000,
  });

export const groupsQuery = queryOptions({
  queryKey: ['groups'],
  queryFn: () => get<{ groups: Group[] }>('/groups'),
  staleTime: 30_000,
});

/** Makes a code with which one machine becomes a sensor, once. */
export const makeCode = (request: AdoptionCodeRequest): Promise<AdoptionCodeReply> =>
  post<AdoptionCodeReply>('/adoption-codes', request);

/** The same for many sensors; one never waits for another, each has its own outcome. */
export const actOnMany = (request: BulkRequest): Promise<OutcomesReply> =>
  post<OutcomesReply>('/sensors/bulk', request);
