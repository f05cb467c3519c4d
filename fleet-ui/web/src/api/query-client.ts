import { QueryClient } from '@tanstack/react-query';
import { ApiError } from './http.ts';

/** Asked again by itself while somebody looks; what a refusal says does not change by asking twice. */
export function openQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => error instanceof ApiError && error.status === 0 && failures < 2,
        refetchOnWindowFocus: true,
        networkMode: 'always',
      },
      mutations: { networkMode: 'always', retry: false },
    },
  });
}
