import type { ConfigChange, ConfigPreview, DesiredConfig } from '@bulkhead/fleet-api';
import { Button, Textarea } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { desiredQuery, optionsOf, putOverrides, withOptions } from '../../api/config.ts';
import { post } from '../../api/http.ts';
import { useMay } from '../../api/session.ts';
import { Differences } from '../../components/differences.tsx';
import { Section } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { told } from '../../components/told.ts';

type Options = DesiredConfig['overrides'];

/** What this instrument is told for itself on this sensor, above what its group says. The instrument judges it. */
export function InstrumentOptions({ sensor, instrument }: { sensor: string; instrument: string }) {
  const may = useMay('sensors.configure', { sensor, instrument });
  const desired = useQuery({ ...desiredQuery(sensor), enabled: may });
  if (!may || desired.data?.document === undefined) return null;
  return (
    <Section title="Options" note="of this instrument on this sensor, above those of its group">
      <Form key={desired.dataUpdatedAt} sensor={sensor} instrument={instrument} desired={desired.data} />
    </Section>
  );
}

function Form({
  sensor,
  instrument,
  desired,
}: {
  sensor: string;
  instrument: string;
  desired: DesiredConfig;
}) {
  const own = optionsOf(desired.overrides, instrument);
  const [text, setText] = useState(JSON.stringify(own, undefined, 2));
  const queries = useQueryClient();
  const options = parsed(text);
  const overrides = () => withOptions(desired.overrides, instrument, options ?? {});
  const preview = useMutation({
    mutationFn: () => {
      const change: ConfigChange = { overrides: overrides(), reason: '' };
      return post<ConfigPreview>(`/sensors/${encodeURIComponent(sensor)}/config/preview`, change);
    },
  });
  const save = useMutation({
    mutationFn: () => putOverrides(sensor, overrides(), `options of ${instrument}`),
    onSuccess: async ({ state }) => {
      await queries.invalidateQueries({ queryKey: ['sensor', sensor] });
      told(
        state === 'waiting' ? 'It is applied as soon as the sensor is there.' : 'The sensor is applying it.',
      );
    },
  });
  const failed = preview.error ?? save.error;
  return (
    <div className="card stack">
      <Textarea
        label="Options (JSON)"
        description="null takes away what the group says. What each option means stands in the README of the package."
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          preview.reset();
        }}
        error={options === undefined ? 'This is not a JSON object' : undefined}
        rows={Math.min(14, text.split('\n').length + 1)}
        spellCheck={false}
        classNames={{ input: 'mono' }}
      />
      {preview.data !== undefined && !preview.data.valid && (
        <p className="text-bad" role="alert">
          {preview.data.pointer} {preview.data.problem}
        </p>
      )}
      {preview.data?.valid === true && <Differences differences={preview.data.differences} />}
      {failed !== null && <Problem error={failed} />}
      <div className="actions">
        {preview.data?.valid === true && preview.data.differences.length > 0 ? (
          <Button size="xs" loading={save.isPending} onClick={() => save.mutate()}>
            Apply it
          </Button>
        ) : (
          <Button
            size="xs"
            variant="default"
            loading={preview.isPending}
            disabled={options === undefined}
            onClick={() => preview.mutate()}
          >
            Show the differences
          </Button>
        )}
      </div>
    </div>
  );
}

function parsed(text: string): Options | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Options)
      : undefined;
  } catch {
    return undefined;
  }
}
