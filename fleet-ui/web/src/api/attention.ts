import type { AttentionReply } from '@bulkhead/fleet-api';
import { queryOptions } from '@tanstack/react-query';
import { get } from './http.ts';

/** What needs a person, the worst first. */
export const attentionQuery = queryOptions({
  queryKey: ['attention'],
  queryFn: () => get<AttentionReply>('/attention'),
  refetchInterval: 15_000,
});
