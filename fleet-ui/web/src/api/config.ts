import type {
  ConfigDifference,
  ConfigPreview,
  ConfigRevision,
  DesiredConfig,
  SensorOutcome,
} from '@bulkhead/fleet-api';
import { queryOptions } from '@tanstack/react-query';
import { get, post, put } from './http.ts';

const at = (sensor: string) => `/sensors/${encodeURIComponent(sensor)}`;
const of = (sensor: string) => `${at(sensor)}/config`;

/** What the fleet wants of a sensor, and where each value comes from. */
export const desiredQuery = (sensor: string) =>
  queryOptions({ queryKey: ['sensor', sensor, 'config'], queryFn: () => get<DesiredConfig>(of(sensor)) });

/** The fleet's revisions for a sensor, the newest first. */
export const configRevisionsQuery = (sensor: string) =>
  queryOptions({
    queryKey: ['sensor', sensor, 'config-revisions'],
    queryFn: () => get<{ revisions: ConfigRevision[] }>(`${at(sensor)}/revisions`),
  });

export interface RevisionShown {
  revision: ConfigRevision;
  document: string;
  differences: ConfigDifference[];
}

export const configRevisionQuery = (sensor: string, number: number) =>
  queryOptions({
    queryKey: ['sensor', sensor, 'config-revision', number],
    queryFn: () => get<RevisionShown>(`${at(sensor)}/revisions/${String(number)}`),
  });

export const rollBackTo = (sensor: string, number: number, reason: string): Promise<SensorOutcome> =>
  post<SensorOutcome>(`${at(sensor)}/revisions/${String(number)}/rollback`, { reason });

export const previewDocument = (sensor: string, document: string): Promise<ConfigPreview> =>
  post<ConfigPreview>(`${of(sensor)}/preview`, { document });

export const putDocument = (sensor: string, document: string, reason: string): Promise<SensorOutcome> =>
  put<SensorOutcome>(of(sensor), { document, reason });

/** What the sensor runs now becomes what the fleet knows it by; nothing changes on it. */
export const takeOver = (sensor: string): Promise<SensorOutcome> =>
  post<SensorOutcome>(`${of(sensor)}/import`);

/** Sends the newest revision once more. */
export const resend = (sensor: string): Promise<SensorOutcome> => post<SensorOutcome>(`${of(sensor)}/resend`);

/** The sensor's own overrides with one instrument switched on or off; everything else in them stays. Pure. */
export function withEnabled(
  overrides: DesiredConfig['overrides'],
  instrument: string,
  enabled: boolean,
): DesiredConfig['overrides'] {
  const all = plain(overrides['instruments']);
  return { ...overrides, instruments: { ...all, [instrument]: { ...plain(all[instrument]), enabled } } };
}

/** What the sensor's own overrides say of one instrument's options. Pure. */
export function optionsOf(
  overrides: DesiredConfig['overrides'],
  instrument: string,
): DesiredConfig['overrides'] {
  return plain(plain(plain(overrides['instruments'])[instrument])['options']);
}

/** The same with other options for one instrument; everything else in them stays. Pure. */
export function withOptions(
  overrides: DesiredConfig['overrides'],
  instrument: string,
  options: DesiredConfig['overrides'],
): DesiredConfig['overrides'] {
  const all = plain(overrides['instruments']);
  return { ...overrides, instruments: { ...all, [instrument]: { ...plain(all[instrument]), options } } };
}

type Overrides = DesiredConfig['overrides'];

/** What the sensor's own overrides say at a place; undefined = nothing. Pure. */
export function settingOf(overrides: Overrides, path: readonly string[]): Overrides[string] | undefined {
  let value: Overrides[string] | undefined = overrides;
  for (const name of path) value = Object.hasOwn(plain(value), name) ? plain(value)[name] : undefined;
  return value;
}

/** The same with another value at one place; undefined takes it away, and with it what is empty then. Pure. */
export function withSetting(
  overrides: Overrides,
  [name, ...rest]: readonly string[],
  value: Overrides[string] | undefined,
): Overrides {
  if (name === undefined) return overrides;
  const { [name]: here, ...others } = overrides;
  if (rest.length === 0) return value === undefined ? others : { ...overrides, [name]: value };
  const inner = withSetting(plain(here), rest, value);
  return Object.keys(inner).length === 0 ? others : { ...overrides, [name]: inner };
}

function plain(value: DesiredConfig['overrides'][string] | undefined): DesiredConfig['overrides'] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

export const putOverrides = (
  sensor: string,
  overrides: DesiredConfig['overrides'],
  reason: string,
): Promise<SensorOutcome> => put<SensorOutcome>(of(sensor), { overrides, reason });
