import { Button, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { Choice } from '../../components/choice.tsx';
import { clockTime } from '../../text/time-words.ts';
import { DEFAULT_RANGE, RANGES, type EventSearch } from './question.ts';

const SEVERITY = [
  { value: '', label: 'All events' },
  { value: 'low', label: 'Alerts' },
  { value: 'medium', label: 'Medium and high alerts' },
  { value: 'high', label: 'High alerts' },
];
const HANDLED = [
  { value: '', label: 'Handled or not' },
  { value: 'no', label: 'Not handled' },
  { value: 'yes', label: 'Handled' },
];
const SUPPRESSED = [
  { value: '', label: 'Without suppressed ones' },
  { value: 'show', label: 'With suppressed ones' },
  { value: 'only', label: 'Suppressed ones only' },
];
type Field = 'text' | 'address' | 'name' | 'signature' | 'flow';
const FIELDS: readonly { field: Field; label: string; hint: string }[] = [
  { field: 'text', label: 'Words', hint: 'all of them; begin* for a beginning' },
  { field: 'address', label: 'Address', hint: '10.0.0.7 or 10.0.0.0/8' },
  { field: 'name', label: 'Name', hint: 'example.org or *.example.org' },
  { field: 'signature', label: 'Signature', hint: 'its number or its words' },
  { field: 'flow', label: 'Flow', hint: 'its id or Community ID' },
];

/** What is searched for. Nothing happens before Enter or the button, so that half a word asks nothing. */
export function EventFilters({ search, set }: { search: EventSearch; set: (change: EventSearch) => void }) {
  const [more, setMore] = useState(false);
  const [typed, setTyped] = useState<Partial<Record<Field, string>>>({});
  const { text, address, name, signature, flow } = search;
  // Links and facets change the address too; the fields follow it.
  useEffect(() => setTyped({}), [text, address, name, signature, flow]);
  const value = (field: Field) => typed[field] ?? search[field] ?? '';
  const open = more || [address, name, signature, flow].some((one) => one !== undefined);
  return (
    <form
      className="filters"
      onSubmit={(event) => {
        event.preventDefault();
        set(Object.fromEntries(FIELDS.map(({ field }) => [field, value(field).trim() || undefined])));
      }}
    >
      {FIELDS.filter(({ field }) => field === 'text' || open).map(({ field, label, hint }) => (
        <TextInput
          key={field}
          label={label}
          placeholder={hint}
          value={value(field)}
          onChange={(event) => setTyped({ ...typed, [field]: event.currentTarget.value })}
          spellCheck={false}
        />
      ))}
      <Choice
        label="Severity"
        value={search.severity ?? ''}
        options={SEVERITY}
        onChange={(severity) => set({ severity })}
      />
      <Choice
        label="Handling"
        value={search.handled ?? ''}
        options={HANDLED}
        onChange={(handled) => set({ handled })}
      />
      {(open || search.suppressed !== undefined) && (
        <Choice
          label="Suppressed"
          value={search.suppressed ?? ''}
          options={SUPPRESSED}
          onChange={(suppressed) => set({ suppressed })}
        />
      )}
      {search.since === undefined && search.until === undefined ? (
        <Choice
          label="Time"
          value={search.range ?? DEFAULT_RANGE}
          options={RANGES}
          onChange={(range) => set({ range })}
        />
      ) : (
        <div className="span">
          <span className="quiet">Time</span>
          <Button
            variant="default"
            onClick={() => {
              set({ since: undefined, until: undefined });
            }}
          >
            {clockTime(search.since)} – {clockTime(search.until) || 'now'} ✕
          </Button>
        </div>
      )}
      <Button type="submit">Search</Button>
      {!open && (
        <Button variant="subtle" onClick={() => setMore(true)}>
          More
        </Button>
      )}
    </form>
  );
}
