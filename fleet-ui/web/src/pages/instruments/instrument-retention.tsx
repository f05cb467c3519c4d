import type { SeenSetup } from '@bulkhead/fleet-api';
import { TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { desiredQuery, settingOf, withSetting } from '../../api/config.ts';
import { setupQuery } from '../../api/sensor.ts';
import { useMay } from '../../api/session.ts';
import { Choice } from '../../components/choice.tsx';
import { Section } from '../../components/page.tsx';
import { ChangeOverrides } from './change-overrides.tsx';

/** How long the sensor keeps what an instrument publishes. */
export function InstrumentRetention({ sensor, instrument }: { sensor: string; instrument: string }) {
  const setup = useQuery({ ...setupQuery(sensor, instrument), retry: false }).data;
  const may = useMay('sensors.configure', { sensor });
  if (setup === undefined || setup.retention.types.length === 0) return null;
  const { defaultDays, types } = setup.retention;
  const other = types.filter(({ own }) => own);
  return (
    <Section title="Retention" note="on the sensor; the fleet keeps its copies by its own settings">
      <div className="card stack">
        <p>
          What it publishes is kept for {defaultDays} days
          {other.length > 0 &&
            `, but ${other.map(({ type, days }) => `${type} for ${String(days)} days`).join(', ')}`}
          . When the store is full, what would expire next goes first.
        </p>
        {may && <Change sensor={sensor} types={types} />}
      </div>
    </Section>
  );
}

function Change({ sensor, types }: { sensor: string; types: SeenSetup['retention']['types'] }) {
  const desired = useQuery(desiredQuery(sensor)).data;
  const [type, setType] = useState(types[0]?.type ?? '');
  const [typed, setTyped] = useState<string | undefined>(undefined);
  if (desired?.document === undefined) return null;
  const path = ['events', 'retentionDays', 'types', type];
  const own = settingOf(desired.overrides, path);
  const text = typed ?? (typeof own === 'number' ? String(own) : '');
  const days = Number(text);
  const good = text.trim() === '' || (Number.isInteger(days) && days >= 1 && days <= 3_650);
  return (
    <details>
      <summary>Keep one type for longer or shorter</summary>
      <div className="stack">
        <div className="option-fields">
          <Choice
            label="Type of event"
            description="For all instruments of the sensor that publish it."
            value={type}
            options={types.map((one) => ({
              value: one.type,
              label: `${one.type} (${String(one.days)} days)`,
            }))}
            onChange={(next) => {
              setType(next);
              setTyped(undefined);
            }}
          />
          <TextInput
            label="Days"
            description="Left empty, what the group or the default says."
            inputMode="numeric"
            value={text}
            error={good ? undefined : 'From 1 to 3650 days.'}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
        </div>
        <p className="quiet">
          With fewer days, what is older is deleted on the sensor within minutes and cannot be brought back.
        </p>
        <ChangeOverrides
          sensor={sensor}
          overrides={
            good ? withSetting(desired.overrides, path, text.trim() === '' ? undefined : days) : undefined
          }
          reason={`retention of ${type}`}
        />
      </div>
    </details>
  );
}
