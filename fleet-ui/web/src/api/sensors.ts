import type {
  AdoptionCodeReply,
  AdoptionCodeRequest,
  BulkRequest,
  Group,
  OutcomesReply,
  Sensor,
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
