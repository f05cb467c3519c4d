import type { StreamPosition } from './store-record.ts';

/** A part of the store that is not as it should be. */
export type StoreDamage =
  /** nats-server does not show the stream: its description or its folder is gone or cannot be read. */
  | { kind: 'unreadable'; stream: string; last: number }
  /** Its newest messages are gone: going on would use sequences a second time, and readers would pass over them. */
  | { kind: 'rewound'; stream: string; last: number; found: number }
  /** Messages within it are gone; the rest is as it was. */
  | { kind: 'holes'; stream: string; messages: number };

/** A stream as nats-server shows it. */
export interface FoundStream {
  messages: number;
  first_seq: number;
  last_seq: number;
}

/** Compares what was known of the store with what is found. Pure. */
export function findDamage(
  known: { streams: readonly string[]; positions: Readonly<Record<string, StreamPosition>> },
  found: ReadonlyMap<string, FoundStream>,
): StoreDamage[] {
  return known.streams.flatMap((stream): StoreDamage[] => {
    const { last, missing } = known.positions[stream] ?? { last: 0, missing: 0 };
    const state = found.get(stream);
    if (state === undefined) return [{ kind: 'unreadable', stream, last }];
    if (state.last_seq < last) return [{ kind: 'rewound', stream, last, found: state.last_seq }];
    const messages = positionOf(state).missing - missing;
    return messages > 0 ? [{ kind: 'holes', stream, messages }] : [];
  });
}

/** Where a stream stands. */
export function positionOf({ messages, first_seq, last_seq }: FoundStream): StreamPosition {
  const span = messages === 0 ? 0 : last_seq - first_seq + 1;
  return { last: last_seq, missing: Math.max(0, span - messages) };
}
