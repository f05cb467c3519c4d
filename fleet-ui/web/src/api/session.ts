import type { GrantedRight, Me, SessionState } from '@bulkhead/fleet-api';
import { queryOptions, useQuery } from '@tanstack/react-query';
import { get } from './http.ts';

/** Who is signed in, whether the fleet must be set up first, and how one signs in. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: () => get<SessionState>('/session'),
  staleTime: 60_000,
});

/** What a right is asked for: nothing = anywhere at all. */
export interface RightPlace {
  sensor?: string | undefined;
  group?: string | undefined;
  instrument?: string | undefined;
}

/** Whether to offer something; the server judges by itself when it is done. Pure. */
export function holds(
  person: Pick<Me, 'rights'> | null | undefined,
  right: GrantedRight,
  place: RightPlace = {},
): boolean {
  return (person?.rights ?? []).some((held) => {
    if (held.right !== right) return false;
    if (held.everywhere) return true;
    const { sensor, group, instrument } = place;
    const inSensor =
      sensor === undefined ||
      (held.sensors.length === 0 && held.groups.length === 0) ||
      held.sensors.includes(sensor) ||
      (group !== undefined && held.groups.includes(group));
    const inInstrument =
      instrument === undefined || held.instruments.length === 0 || held.instruments.includes(instrument);
    return inSensor && inInstrument;
  });
}

/** The person that is signed in; the shell sees to it that there is one. */
export function usePerson(): Me | null {
  return useQuery(sessionQuery).data?.person ?? null;
}

export function useMay(right: GrantedRight, place: RightPlace = {}): boolean {
  return holds(usePerson(), right, place);
}
