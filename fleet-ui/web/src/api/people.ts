import type {
  AuditCheck,
  AuditEntry,
  Invitation,
  NewPerson,
  NewToken,
  Person,
  PersonChange,
  SessionEntry,
  Token,
} from '@bulkhead/fleet-api';
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { get, patch, post, remove, type RequestOptions } from './http.ts';

export const peopleQuery = queryOptions({
  queryKey: ['people'],
  queryFn: () => get<{ people: Person[] }>('/people'),
});

export const addPerson = (person: NewPerson): Promise<{ person: Person; invitation: Invitation }> =>
  post('/people', person);
export const changePerson = (id: string, change: PersonChange): Promise<Person> =>
  patch(`/people/${id}`, change);
export const removePerson = (id: string): Promise<unknown> => remove(`/people/${id}`);
export const invite = (id: string, forgetTotp: boolean): Promise<Invitation> =>
  post(`/people/${id}/invitation`, { forgetTotp });
export const endSessionsOf = (id: string): Promise<{ ended: number }> => remove(`/people/${id}/sessions`);

export const mySessionsQuery = queryOptions({
  queryKey: ['my-sessions'],
  queryFn: () => get<{ sessions: SessionEntry[] }>('/session/list'),
});

export const tokensQuery = queryOptions({
  queryKey: ['tokens'],
  queryFn: () => get<{ tokens: Token[] }>('/tokens', { query: { of: 'me' } }),
});
export const makeToken = (token: NewToken): Promise<{ secret: string; token: Token }> =>
  post('/tokens', token);
export const removeToken = (id: string): Promise<unknown> => remove(`/tokens/${id}`);

export type AuditQuestion = NonNullable<RequestOptions['query']>;

export const auditQuery = (question: AuditQuestion) =>
  infiniteQueryOptions({
    queryKey: ['audit', question],
    queryFn: ({ pageParam }) =>
      get<{ entries: AuditEntry[]; next: number | null }>('/audit', {
        query: { ...question, before: pageParam },
      }),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });

export const checkAudit = (): Promise<AuditCheck> => get<AuditCheck>('/audit/check');
