import type { DesiredConfig, SeenSetup } from '@bulkhead/fleet-api';
import { Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { desiredQuery, optionsOf, withOptions } from '../../api/config.ts';
import { setupQuery } from '../../api/sensor.ts';
import { useMay } from '../../api/session.ts';
import { Section } from '../../components/page.tsx';
import { ChangeOverrides } from './change-overrides.tsx';
import { optionFields, typedOf, valueOf, type Json, type OptionField } from './option-fields.ts';
import { OptionInput } from './option-form.tsx';

type Options = DesiredConfig['overrides'];

/** What this instrument is told for itself on this sensor, above what its group says. The instrument judges it. */
export function InstrumentOptions({
  sensor,
  instrument,
  attached,
}: {
  sensor: string;
  instrument: string;
  attached: boolean;
}) {
  const may = useMay('sensors.configure', { sensor, instrument });
  const desired = useQuery({ ...desiredQuery(sensor), enabled: may });
  const setup = useQuery({ ...setupQuery(sensor, instrument), enabled: may && attached, retry: false });
  if (!may || desired.data?.document === undefined || (attached && setup.isPending)) return null;
  const fields = optionFields(setup.data?.schema);
  const own = optionsOf(desired.data.overrides, instrument);
  const shared = { sensor, instrument, own, desired: desired.data };
  return (
    <Section title="Options" note="of this instrument on this sensor, above those of its group">
      {fields.length > 0 && fits(fields, own) && setup.data !== undefined ? (
        <Fields key={JSON.stringify(own)} {...shared} fields={fields} setup={setup.data} />
      ) : (
        <AsJson key={JSON.stringify(own)} {...shared} />
      )}
    </Section>
  );
}

interface FormParts {
  sensor: string;
  instrument: string;
  own: Options;
  desired: DesiredConfig;
}

/** The form can hold all that is said now; else nothing may get lost by it. */
function fits(fields: readonly OptionField[], own: Options): boolean {
  return Object.entries(own).every(
    ([name, value]) => value !== null && fields.some((field) => field.name === name),
  );
}

function Fields({
  sensor,
  instrument,
  own,
  desired,
  fields,
  setup,
}: FormParts & { fields: readonly OptionField[]; setup: SeenSetup }) {
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>(() =>
    Object.fromEntries(
      fields.map((field) => [
        field.name,
        own[field.name] === undefined ? '' : typedOf(field, own[field.name]),
      ]),
    ),
  );
  const read = fields.map((field) => [field.name, valueOf(field, typed[field.name])] as const);
  const wrong = read.some(([, one]) => 'problem' in one);
  const options: Record<string, Json> = {};
  for (const [name, one] of read) if ('value' in one && one.value !== undefined) options[name] = one.value;
  return (
    <div className="card stack">
      <div className="option-fields">
        {fields.map((field) => (
          <OptionInput
            key={field.name}
            field={field}
            typed={typed[field.name]}
            below={own[field.name] === undefined ? (setup.options[field.name] ?? field.usual) : field.usual}
            onChange={(text) => setTyped({ ...typed, [field.name]: text })}
          />
        ))}
      </div>
      <ChangeOverrides
        sensor={sensor}
        overrides={wrong ? undefined : withOptions(desired.overrides, instrument, options)}
        reason={`options of ${instrument}`}
      />
    </div>
  );
}

/** Where the package does not say what can be set, or the sensor is away. */
function AsJson({ sensor, instrument, own, desired }: FormParts) {
  const [text, setText] = useState(JSON.stringify(own, undefined, 2));
  const options = parsed(text);
  return (
    <div className="card stack">
      <Textarea
        label="Options (JSON)"
        description="null takes away what the group says. What each option means stands in the README of the package."
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        error={options === undefined ? 'This is not a JSON object' : undefined}
        rows={Math.min(14, text.split('\n').length + 1)}
        spellCheck={false}
        classNames={{ input: 'mono' }}
      />
      <ChangeOverrides
        sensor={sensor}
        overrides={options === undefined ? undefined : withOptions(desired.overrides, instrument, options)}
        reason={`options of ${instrument}`}
      />
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
