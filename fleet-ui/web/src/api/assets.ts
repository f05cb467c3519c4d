import type { Asset, AssetLabelChange, AssetPage, AssetQuery } from '@bulkhead/fleet-api';
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { get, put } from './http.ts';

export const assetsQuery = (question: AssetQuery) =>
  queryOptions({
    queryKey: ['assets', question],
    queryFn: ({ signal }) => get<AssetPage>('/assets', { query: { ...question }, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  });

export const labelAsset = (
  { sensor, address }: Pick<Asset, 'sensor' | 'address'>,
  change: AssetLabelChange,
): Promise<Asset> =>
  put<Asset>(`/assets/${encodeURIComponent(sensor)}/${encodeURIComponent(address)}/label`, change);
