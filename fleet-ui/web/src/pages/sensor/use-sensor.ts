import type { LinkView, SeenStatus } from '@bulkhead/fleet-api';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { statusQuery, wholeStatus } from '../../api/sensor.ts';

/** What is known of one sensor: how it is linked, and the newest that it said. */
export function useSensor(sensor: string): {
  link: LinkView | undefined;
  status: SeenStatus | undefined;
  statusAt: string | undefined;
  attached: boolean;
  error: Error | null;
} {
  const { data, error } = useQuery(statusQuery(sensor));
  const status = useMemo(
    () => (data?.status === undefined ? undefined : wholeStatus(data.status)),
    [data?.status],
  );
  return {
    link: data?.link,
    status,
    statusAt: data?.statusAt,
    attached: data?.link.attached ?? false,
    error,
  };
}
