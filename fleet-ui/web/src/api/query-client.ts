import { QueryCache, QueryClient, type Query } from '@tanstack/react-query';
import { ApiError } from './http.ts';

const SESSION_KEY = 'session';

/** Asked again by itself while somebody looks; what a refusal says does not change by asking twice. */
export function openQueryClient(): QueryClient {
  const client = new QueryClient({
    queryCache: new QueryCache({ onError: (error, query) => lookAtSession(client, error, query) }),
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
  return client;
}

/** A session that has ended shows by what is refused: then who is signed in is asked for anew, and the shell leads to the way in. */
function lookAtSession(client: QueryClient, error: unknown, { queryKey }: Pick<Query, 'queryKey'>): void {
  if (!(error instanceof ApiError) || error.status !== 401 || queryKey[0] === SESSION_KEY) return;
  void client.invalidateQueries({ queryKey: [SESSION_KEY] });
}
