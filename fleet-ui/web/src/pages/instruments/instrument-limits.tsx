import type { SeenInstrument, SeenSetup, SeenStatus } from '@bulkhead/fleet-api';
import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { desiredQuery, settingOf, withSetting } from '../../api/config.ts';
import { setupQuery } from '../../api/sensor.ts';
import { useMay } from '../../api/session.ts';
import { Meter } from '../../components/meter.tsx';
import { Section } from '../../components/page.tsx';
import { byteWords } from '../../text/number-words.ts';
import { ChangeOverrides } from './change-overrides.tsx';

/** What an instrument takes of what it may take: memory, processors, processes, disk. */
export function InstrumentLimits({
  sensor,
  instrument,
  status,
  attached,
}: {
  sensor: string;
  instrument: SeenInstrument;
  status: SeenStatus;
  attached: boolean;
}) {
  const { name, use } = instrument;
  const may = useMay('sensors.configure', { sensor, instrument: name });
  const setup = useQuery({ ...setupQuery(sensor, name), enabled: attached, retry: false }).data;
  const [changing, setChanging] = useState(false);
  const volume = status.volumes?.find((one) => one.name === name);
  if (use === undefined && volume === undefined && setup === undefined) return null;
  return (
    <Section
      title="Limits"
      note="it cannot take more, whatever happens in it"
      actions={
        may && setup !== undefined ? (
          <Button size="xs" variant="default" aria-expanded={changing} onClick={() => setChanging(!changing)}>
            {changing ? 'Leave them' : 'Change them'}
          </Button>
        ) : undefined
      }
    >
      <div className="card stack">
        <dl className="facts">
          <Amount
            label="Memory"
            taken={use?.memoryBytes}
            of={use?.memoryLimitBytes ?? mib(setup?.limits.memoryMib)}
            words={byteWords}
          />
          <Amount
            label="Processors"
            taken={use?.cpuCores}
            of={use?.cpuLimitCores ?? setup?.limits.cpuCores}
            words={(cores) => `${String(Math.round(cores * 100) / 100)} cores`}
          />
          <Amount
            label="Processes"
            taken={use?.processes}
            of={use?.processesLimit ?? setup?.limits.processes}
            words={String}
          />
          <Amount
            label="Disk"
            taken={volume?.usedBytes}
            of={volume?.sizeBytes ?? mib(setup?.volumeMib)}
            words={byteWords}
          />
        </dl>
        {changing && setup !== undefined && <Change sensor={sensor} instrument={name} setup={setup} />}
      </div>
    </Section>
  );
}

function mib(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value * 1024 * 1024;
}

function Amount({
  label,
  taken,
  of,
  words,
}: {
  label: string;
  taken: number | undefined;
  of: number | undefined;
  words: (amount: number) => string;
}) {
  if (of === undefined) return null;
  return (
    <>
      <dt>{label}</dt>
      <dd>
        {taken === undefined ? (
          <span>may take {words(of)}</span>
        ) : (
          <Meter label={label} taken={taken} of={of} words={`${words(taken)} of ${words(of)}`} />
        )}
      </dd>
    </>
  );
}

const LIMITS = [
  ['memoryMib', 'Memory (MiB)', ['limits', 'memoryMib']],
  ['cpuCores', 'Processors (cores)', ['limits', 'cpuCores']],
  ['processes', 'Processes', ['limits', 'processes']],
  ['volumeMib', 'Volume (MiB); it can only grow', ['volumeMib']],
] as const;

function Change({ sensor, instrument, setup }: { sensor: string; instrument: string; setup: SeenSetup }) {
  const desired = useQuery(desiredQuery(sensor)).data;
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  if (desired?.document === undefined) {
    return (
      <p className="quiet">
        The fleet does not know this sensor’s configuration yet: take it over on the page Configuration.
      </p>
    );
  }
  const at = (path: readonly string[]) => ['instruments', instrument, ...path];
  const shown = (key: string, path: readonly string[]): string => {
    const own = settingOf(desired.overrides, at(path));
    return typed[key] ?? (typeof own === 'number' ? String(own) : '');
  };
  let overrides: typeof desired.overrides | undefined = desired.overrides;
  for (const [key, , path] of LIMITS) {
    const text = shown(key, path).trim();
    const value = Number(text);
    if (text !== '' && !(value > 0 && Number.isFinite(value))) overrides = undefined;
    else if (overrides !== undefined)
      overrides = withSetting(overrides, at(path), text === '' ? undefined : value);
  }
  return (
    <>
      <div className="option-fields">
        {LIMITS.map(([key, label, path]) => (
          <TextInput
            key={key}
            label={label}
            description={`Left empty, what its group or package says. Now ${String(key === 'volumeMib' ? setup.volumeMib : setup.limits[key])}.`}
            inputMode="decimal"
            value={shown(key, path)}
            onChange={(event) => setTyped({ ...typed, [key]: event.currentTarget.value })}
          />
        ))}
      </div>
      <p className="quiet">
        Other limits take effect with a restart of the instrument, which the sensor makes by itself.
      </p>
      <ChangeOverrides sensor={sensor} overrides={overrides} reason={`limits of ${instrument}`} />
    </>
  );
}
