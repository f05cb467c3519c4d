import type {
  ConfigDifference,
  ConfigPreview,
  ConfigRevision,
  DesiredConfig,
  SensorOutcome,
} from '@bulkhead/fleet-api';
import { queryOptions } from '@tanstack/react-query';
import { get, post, put } from './http.ts';

const of = (sensor: string) => `/sensors/${encodeURIComponent(sensor)}/config`;

/** What the fleet wants of a sensor, and where each value comes from. */
export const desiredQuery = (sensor: string) =>
  queryOptions({ queryKey: ['sensor', sensor, 'config'], queryFn: () => get<DesiredConfig>(of(sensor)) });

/** The fleet's revisions for a sensor, the newest first. */
export const configRevisionsQuery = (sensor: string) =>
  queryOptions({
    queryKey: ['sensor', sensor, 'config-revisions'],
    queryFn: () => get<{ revisions: ConfigRevision[] }>(`${of(sensor)}/revisions`),
  });

export interface RevisionShown {
  revision: ConfigRevision;
  document: string;
  differences: ConfigDifference[];
}

export const configRevisionQuery = (sensor: string, number: number) =>
  queryOptions({
    queryKey: ['sensor', sensor, 'config-revision', number],
    queryFn: () => get<RevisionShown>(`${of(sensor)}/revisions/${String(number)}`),
  });

export const rollBackTo = (sensor: string, number: number, reason: string): Promise<SensorOutcome> =>
  post<SensorOutcome>(`${of(sensor)}/revisions/${String(number)}/rollback`, { reason });

export const previewDocument = (sensor: string, document: string): Promise<ConfigPreview> =>
  post<ConfigPreview>(`${of(sensor)}/preview`, { document });

export const putDocument = (sensor: string, document: string, reason: string): Promise<SensorOutcome> =>
  put<SensorOutcome>(of(sensor), { document, reason });

export const putOverrides = (
  sensor: string,
  overrides: DesiredConfig['overrides'],
  reason: string,
): Promise<SensorOutcome> => put<SensorOutcome>(of(sensor), { overrides, reason });
