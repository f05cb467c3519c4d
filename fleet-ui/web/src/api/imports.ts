import type {
  ImportTarget,
  RulesCheckReply,
  RulesCheckRequest,
  RulesDeployReply,
  RulesJob,
  RulesPlanReply,
} from '@bulkhead/fleet-api';
import { queryOptions } from '@tanstack/react-query';
import { get, post } from './http.ts';

type Place = Pick<ImportTarget, 'sensor' | 'instrument'>;

export const targetsQuery = queryOptions({
  queryKey: ['imports', 'targets'],
  queryFn: () => get<{ targets: ImportTarget[] }>('/imports/targets'),
  refetchInterval: 30_000,
});

const way = ({ sensor, instrument }: Place) =>
  `/imports/${encodeURIComponent(sensor)}/${encodeURIComponent(instrument)}/rules`;

export const checkRules = (place: Place, request: RulesCheckRequest): Promise<RulesCheckReply> =>
  post<RulesCheckReply>(`${way(place)}/check`, request);

export interface RulesStep {
  name: string;
  reason: string;
}

export const planRules = (place: Place, step: RulesStep): Promise<RulesPlanReply> =>
  post<RulesPlanReply>(`${way(place)}/plan`, step);
export const deployRules = (place: Place, step: RulesStep): Promise<RulesDeployReply> =>
  post<RulesDeployReply>(`${way(place)}/deploy`, step);
export const discardRules = (place: Place, step: RulesStep): Promise<unknown> =>
  post(`${way(place)}/discard`, step);

/** How far the newest deployment is; asked again until it is at its end. */
export const jobQuery = (place: Place, enabled: boolean) =>
  queryOptions({
    queryKey: ['imports', 'job', place.sensor, place.instrument],
    queryFn: () => get<{ job?: RulesJob }>(`${way(place)}/job`),
    enabled,
    refetchInterval: ({ state }) => (isAtWork(state.data?.job) ? 1_500 : false),
  });

export function isAtWork(job: RulesJob | undefined): boolean {
  return job?.state === 'compiling' || job?.state === 'deploying';
}
