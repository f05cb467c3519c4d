import { z } from 'zod';
import { EventTypeSchema, NameSchema, type StoredEvent } from '../contracts/index.ts';
import { parseStrict } from '../kernel/index.ts';
import { decodeMessage, type DecodeFault, type PackedMessage } from './decode.ts';
import { isAtLeast, severityOf } from './describe.ts';

const FilterSchema = z.strictObject({
  instrument: NameSchema.optional(),
  types: z.array(EventTypeSchema).max(64).optional(),
  /** Alerts below it are left out; events that are not alerts are `info`. */
  severity: z.enum(['info', 'low', 'medium', 'high']).optional(),
  /** Stored at or after this; without it (and without `after`), only what comes. */
  since: z.date().optional(),
  /** Instead of `since`: behind this position of each stream; streams that are not named, from their beginning. */
  after: z.record(z.string().max(200), z.int().min(0)).optional(),
});

/** Which events a query wants. */
export type EventQueryFilter = z.input<typeof FilterSchema>;

/** Events by type, and what could not be read. */
export interface EventCounts {
  byType: Record<string, number>;
  byInstrument: Record<string, number>;
  total: number;
  /** Records left out, by reason. */
  faults: Record<string, number>;
}

/** What a query needs: the bus' reading side. */
export interface EventSource {
  subscribeEvents(
    filter: {
      instrument?: string;
      types?: readonly string[];
      start:
        | 'live'
        | 'beginning'
        | { since: Date }
        | { after: Readonly<Record<string, number>>; otherwise: 'beginning' };
    },
    onMessage: (message: PackedMessage) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<{ caughtUp: Promise<void>; ended: Promise<void> }>;
}

/** Questions about stored events. */
export interface EventQuery {
  /**
   * Hands over matching events, first what is stored since `since`, then what comes, until `signal` is aborted.
   * Resolves when that is done. `caughtUp` is called when the stored ones are through.
   * @throws BulkheadError EVENTS_FILTER_INVALID
   */
  tail(
    filter: EventQueryFilter,
    onEvent: (event: StoredEvent) => Promise<void> | void,
    signal: AbortSignal,
    caughtUp?: () => void,
  ): Promise<void>;
  /** The stored events since `since` (default: all), at most `limit`, oldest first. */
  list(filter: EventQueryFilter, limit: number): Promise<StoredEvent[]>;
  /** Counts the stored events since `since` (default: all). */
  count(filter: EventQueryFilter): Promise<EventCounts>;
  /** Records that were left out by all queries so far, by reason. */
  faults(): Readonly<Record<string, number>>;
}

function startOf(
  { since, after }: Readonly<z.output<typeof FilterSchema>>,
  otherwise: 'live' | 'beginning',
): Parameters<EventSource['subscribeEvents']>[0]['start'] {
  if (after !== undefined) return { after, otherwise: 'beginning' };
  return since === undefined ? otherwise : { since };
}

/** Opens queries over the streams of a bus. */
export function openEventQuery(options: {
  source: EventSource;
  onFault?: (fault: DecodeFault) => void;
}): EventQuery {
  const faults: Record<string, number> = {};
  const open = async (
    value: EventQueryFilter,
    otherwise: 'live' | 'beginning',
    onEvent: (event: StoredEvent) => Promise<void> | void,
    onFault: (fault: DecodeFault) => void,
    signal: AbortSignal,
  ) => {
    const filter = parseStrict(FilterSchema, value, 'EVENTS_FILTER_INVALID', 'The filter of events');
    return options.source.subscribeEvents(
      {
        ...(filter.instrument === undefined ? {} : { instrument: filter.instrument }),
        ...(filter.types === undefined ? {} : { types: filter.types }),
        start: startOf(filter, otherwise),
      },
      async (message) => {
        const decoded = decodeMessage(message);
        for (const fault of decoded.faults) {
          faults[fault.reason] = (faults[fault.reason] ?? 0) + Math.max(1, fault.records);
          onFault(fault);
          options.onFault?.(fault);
        }
        for (const event of decoded.events) {
          if (signal.aborted) return;
          if (isAtLeast(severityOf(event), filter.severity ?? 'info')) await onEvent(event);
        }
      },
      signal,
    );
  };
  const stored = async (
    filter: EventQueryFilter,
    onEvent: (event: StoredEvent, enough: () => void) => void,
    onFault: (fault: DecodeFault) => void,
  ): Promise<void> => {
    const stop = new AbortController();
    const enough = (): void => {
      stop.abort();
    };
    const feed = await open(filter, 'beginning', (event) => onEvent(event, enough), onFault, stop.signal);
    await feed.caughtUp;
    stop.abort();
    await feed.ended;
  };
  return {
    tail: async (filter, onEvent, signal, caughtUp) => {
      const feed = await open(filter, 'live', onEvent, () => undefined, signal);
      if (caughtUp !== undefined) void feed.caughtUp.then(caughtUp);
      await feed.ended;
    },
    list: async (filter, limit) => {
      const events: StoredEvent[] = [];
      await stored(
        filter,
        (event, enough) => {
          if (events.length < limit) events.push(event);
          if (events.length >= limit) enough();
        },
        () => undefined,
      );
      return events.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
    },
    count: async (filter) => {
      const counts: EventCounts = { byType: {}, byInstrument: {}, total: 0, faults: {} };
      await stored(
        filter,
        ({ type, instrument }) => {
          counts.total += 1;
          counts.byType[type] = (counts.byType[type] ?? 0) + 1;
          counts.byInstrument[instrument] = (counts.byInstrument[instrument] ?? 0) + 1;
        },
        (fault) => {
          counts.faults[fault.reason] = (counts.faults[fault.reason] ?? 0) + Math.max(1, fault.records);
        },
      );
      return counts;
    },
    faults: () => ({ ...faults }),
  };
}
