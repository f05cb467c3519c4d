import { useState } from 'preact/hooks';
import type { Scope } from '../../src/api-types.ts';
import { useLive } from '../live.tsx';
import { SelectField, TextField } from './field.tsx';

/** Where a change holds, until when, and why. */
export interface Wish {
  kind: 'all' | 'group' | 'sensor' | 'address';
  group: string;
  sensor: string;
  address: string;
  expires: string;
  reason: string;
}

export const NO_WISH: Wish = { kind: 'all', group: '', sensor: '', address: '', expires: '', reason: '' };

/** The scope as the API takes it; undefined while something is missing. */
export function scopeOf(wish: Wish, sensor: string): Scope | undefined {
  switch (wish.kind) {
    case 'all':
      return { all: true };
    case 'group':
      return wish.group.trim() === '' ? undefined : { group: wish.group.trim() };
    case 'sensor':
      return { sensor: wish.sensor === '' ? sensor : wish.sensor };
    case 'address':
      return wish.address.trim() === '' ? undefined : { address: wish.address.trim() };
  }
}

/** Scope, reason and expiry as the API takes them; undefined while something is missing. */
export function requestOf(
  wish: Wish,
  sensor: string,
): { scope: Scope; reason: string; expires?: string } | undefined {
  const scope = scopeOf(wish, sensor);
  const reason = wish.reason.trim();
  if (scope === undefined || reason === '') return undefined;
  if (wish.expires === '') return { scope, reason };
  return { scope, reason, expires: new Date(wish.expires).toISOString() };
}

export function useWish(start: Partial<Wish> = {}): [Wish, (change: Partial<Wish>) => void] {
  const [wish, setWish] = useState<Wish>({ ...NO_WISH, ...start });
  return [
    wish,
    (change) => {
      setWish((before) => ({ ...before, ...change }));
    },
  ];
}

export function WishFields(props: {
  wish: Wish;
  set: (change: Partial<Wish>) => void;
  /** Whether one address can be the scope. */
  address?: boolean;
  /** Leaves the expiry out. */
  forever?: boolean;
}) {
  const { overview } = useLive();
  const { wish, set } = props;
  const sensor = overview?.sensor ?? '';
  const kinds: [string, string][] = [
    ['all', 'All sensors'],
    ['sensor', `This sensor (${sensor})`],
    ...(overview !== undefined && overview.groups.length > 0
      ? ([['group', 'A group of sensors']] as [string, string][])
      : []),
    ...(props.address === true ? ([['address', 'One address or network']] as [string, string][]) : []),
  ];
  return (
    <>
      <div class="columns">
        <SelectField
          label="Holds for"
          value={wish.kind}
          options={kinds}
          onInput={(kind) => {
            set({
              kind: kind as Wish['kind'],
              group: wish.group === '' ? (overview?.groups[0] ?? '') : wish.group,
            });
          }}
        />
        {wish.kind === 'group' && (
          <SelectField
            label="Group"
            value={wish.group}
            options={(overview?.groups ?? []).map((name) => [name, name] as const)}
            onInput={(group) => {
              set({ group });
            }}
          />
        )}
        {wish.kind === 'address' && (
          <TextField
            label="Address or network"
            value={wish.address}
            placeholder="192.0.2.7 or 192.0.2.0/24"
            code
            required
            onInput={(address) => {
              set({ address });
            }}
          />
        )}
        {props.forever !== true && (
          <TextField
            label="Until"
            type="datetime-local"
            value={wish.expires}
            hint={<Presets set={set} />}
            onInput={(expires) => {
              set({ expires });
            }}
          />
        )}
      </div>
      <TextField
        label="Reason"
        value={wish.reason}
        required
        maxLength={500}
        hint="Kept with the change, for those who come after you."
        onInput={(reason) => {
          set({ reason });
        }}
      />
    </>
  );
}

const PRESETS: readonly (readonly [string, number])[] = [
  ['1 day', 1],
  ['1 week', 7],
  ['30 days', 30],
];

function Presets({ set }: { set: (change: Partial<Wish>) => void }) {
  return (
    <span>
      Empty: until it is removed.{' '}
      {PRESETS.map(([text, days]) => (
        <button
          key={text}
          type="button"
          class="link"
          onClick={() => {
            set({ expires: localTime(Date.now() + days * 86_400_000) });
          }}
        >
          {text}
        </button>
      ))}
    </span>
  );
}

/** As an input for date and time takes it: without a zone, where the reader is. */
function localTime(ms: number): string {
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
