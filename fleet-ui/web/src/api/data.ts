import type { DataStores, DataStoresQuery } from '@bulkhead/fleet-api';
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { get } from './http.ts';

/** Every copy of data. While sensors are asked, the answer is asked for again soon. */
export const dataQuery = (question: DataStoresQuery) =>
  queryOptions({
    queryKey: ['data', question],
    queryFn: ({ signal }) => get<DataStores>('/data', { query: { ...question }, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) =>
      state.data?.sensors.some(({ isAsked }) => isAsked) === true ? 3_000 : 60_000,
  });
