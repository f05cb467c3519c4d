import type { EventFilter } from '@bulkhead/fleet-api';
import { severitiesFrom } from './severity.ts';

/** The part of a question that kept counts can answer, as SQL: ` AND …` with its named values. */
export function countsWhere({ sensors, instruments, types, severity }: EventFilter): {
  where: string;
  values: Record<string, string>;
} {
  const lists = {
    sensor: sensors,
    instrument: instruments,
    type: types,
    severity: severity === undefined ? undefined : severitiesFrom(severity),
  };
  const given = Object.entries(lists).filter((entry): entry is [string, string[]] => entry[1] !== undefined);
  return {
    where: given.map(([column]) => `AND ${column} IN (SELECT value FROM json_each(@${column}))`).join(' '),
    values: Object.fromEntries(given.map(([column, list]) => [column, JSON.stringify(list)])),
  };
}
