import type { ConfigChange, ConfigPreview, DesiredConfig } from '@bulkhead/fleet-api';
import { Button } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { putOverrides } from '../../api/config.ts';
import { post } from '../../api/http.ts';
import { Differences } from '../../components/differences.tsx';
import { Problem } from '../../components/problem.tsx';
import { told } from '../../components/told.ts';

/** Shows what a change of a sensor's own configuration would change, then makes it, as a revision. */
export function ChangeOverrides({
  sensor,
  overrides,
  reason,
}: {
  sensor: string;
  /** The overrides as they are to be; undefined: what was typed makes none. */
  overrides: DesiredConfig['overrides'] | undefined;
  reason: string;
}) {
  const queries = useQueryClient();
  const digest = JSON.stringify(overrides);
  const preview = useMutation({
    mutationFn: async (wanted: DesiredConfig['overrides']) => {
      const change: ConfigChange = { overrides: wanted, reason: '' };
      const shown = await post<ConfigPreview>(
        `/sensors/${encodeURIComponent(sensor)}/config/preview`,
        change,
      );
      return { shown, digest: JSON.stringify(wanted) };
    },
  });
  const save = useMutation({
    mutationFn: (wanted: DesiredConfig['overrides']) => putOverrides(sensor, wanted, reason),
    onSuccess: async ({ state }) => {
      preview.reset();
      await queries.invalidateQueries({ queryKey: ['sensor', sensor] });
      await queries.invalidateQueries({ queryKey: ['sensor-asked', sensor] });
      told(
        state === 'waiting' ? 'It is applied as soon as the sensor is there.' : 'The sensor is applying it.',
      );
    },
  });
  // What was shown is only good for what it was shown of.
  const shown = preview.data?.digest === digest ? preview.data.shown : undefined;
  const failed = preview.error ?? save.error;
  return (
    <>
      {shown !== undefined && !shown.valid && (
        <p className="text-bad" role="alert">
          {shown.pointer} {shown.problem}
        </p>
      )}
      {shown?.valid === true && <Differences differences={shown.differences} />}
      {failed !== null && <Problem error={failed} />}
      <div className="actions">
        {shown?.valid === true && shown.differences.length > 0 && overrides !== undefined ? (
          <Button size="xs" loading={save.isPending} onClick={() => save.mutate(overrides)}>
            Apply it
          </Button>
        ) : (
          <Button
            size="xs"
            variant="default"
            loading={preview.isPending}
            disabled={overrides === undefined}
            onClick={() => overrides !== undefined && preview.mutate(overrides)}
          >
            Show the differences
          </Button>
        )}
      </div>
    </>
  );
}
