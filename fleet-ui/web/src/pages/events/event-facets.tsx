import type { EventFacets } from '@bulkhead/fleet-api';
import { useRef, useState } from 'react';
import type { EventQuestion } from '../../api/events.ts';
import { shortAddress } from '../../text/address-words.ts';
import { compactNumber } from '../../text/number-words.ts';
import { toggled, type EventSearch } from './question.ts';
import { steady } from './steady.ts';

type ListField = 'type' | 'sensor' | 'instrument';
type OneField = 'signature' | 'address';

/** The most frequent values of what was found; choosing one narrows the search. Nothing moves under a pointer or the focus. */
export function EventFacetList({
  facets: counted,
  question,
  names,
  search,
  set,
}: {
  facets: EventFacets | undefined;
  /** What they answer; absent: the one before, because the answer is not there yet. */
  question: EventQuestion | undefined;
  names: ReadonlyMap<string, { name: string }>;
  search: EventSearch;
  set: (change: EventSearch) => void;
}) {
  const [isUsed, setIsUsed] = useState(false);
  const drawn = useRef<{ question: EventQuestion | undefined; facets: EventFacets } | undefined>(undefined);
  if (counted === undefined) return <div className="facets" />;
  const before = drawn.current;
  const isSame = before !== undefined && question !== undefined && before.question === question;
  const facets = isUsed && isSame ? steady(before.facets, counted) : counted;
  drawn.current = { question, facets };
  const lists: [string, ListField, EventFacets['types']][] = [
    ['Sensors', 'sensor', facets.sensors],
    ['Instruments', 'instrument', facets.instruments],
    ['Types', 'type', facets.types],
  ];
  const ones: [string, OneField, EventFacets['types']][] = [
    ['Signatures', 'signature', facets.signatures],
    ['Addresses', 'address', facets.addresses],
  ];
  return (
    <aside
      className="facets"
      aria-label="Narrow the search"
      onFocus={() => setIsUsed(true)}
      onBlur={({ currentTarget, relatedTarget }) =>
        setIsUsed(relatedTarget instanceof Node && currentTarget.contains(relatedTarget))
      }
      onPointerEnter={() => setIsUsed(true)}
      onPointerLeave={({ currentTarget }) => setIsUsed(currentTarget.contains(document.activeElement))}
    >
      {lists.map(([title, field, values]) => (
        <Facet
          key={field}
          title={title}
          values={values.map((one) => ({
            ...one,
            label: field === 'sensor' ? (names.get(one.value)?.name ?? one.value) : one.label,
          }))}
          chosen={(value) => (search[field] ?? '').split(',').includes(value)}
          choose={(value) => set({ [field]: toggled(search[field], value) ?? '' })}
        />
      ))}
      {ones.map(([title, field, values]) => (
        <Facet
          key={field}
          title={title}
          values={
            field === 'address' ? values.map((one) => ({ ...one, label: shortAddress(one.value) })) : values
          }
          chosen={(value) => search[field] === value}
          choose={(value) => set({ [field]: search[field] === value ? '' : value })}
        />
      ))}
      {facets.sampled.length > 0 && (
        <p className="quiet">
          {facets.sampled.join(', ')}: among the newest {facets.sampledEvents.toLocaleString('en')}
        </p>
      )}
    </aside>
  );
}

function Facet({
  title,
  values,
  chosen,
  choose,
}: {
  title: string;
  values: readonly { value: string; label?: string | undefined; count: number }[];
  chosen: (value: string) => boolean;
  choose: (value: string) => void;
}) {
  if (values.length === 0) return null;
  return (
    <details open>
      <summary>{title}</summary>
      <ul>
        {values.map(({ value, label, count }) => (
          <li key={value}>
            <button
              type="button"
              className="facet"
              aria-pressed={chosen(value)}
              onClick={() => choose(value)}
              title={label ?? value}
            >
              <span>{label ?? value}</span>
              <span className="quiet">{compactNumber(count)}</span>
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
