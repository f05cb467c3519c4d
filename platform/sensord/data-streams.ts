import { PLATFORM } from '../contracts/index.ts';
import {
  subjectMatcher,
  type DataCopy,
  type DataMatch,
  type DataSource,
  type DataSubject,
} from '../data/index.ts';
import type { StreamState } from '../bus/index.ts';
import { decodeMessage } from '../events/index.ts';
import type { DesiredState } from './desired.ts';
import type { BusRoom } from './rooms.ts';

/** One stream is looked through for at most this long; then the answer says up to when it is. */
const SCAN_MS = 60_000;

/** The event store trims streams; see its README. */
const TRIMMED_AFTER_DAYS = 1;

export interface StreamSourceParts {
  bus: Pick<BusRoom, 'streams' | 'subscribeEvents' | 'serverPid'>;
  desired: () => DesiredState;
  /** Days for which a stream's events may wait for a fleet; undefined: there is none. */
  waitDays?: (stream: StreamState) => number | undefined;
}

/** The streams of the bus as a source: what is in them is measured by reading it. */
export function streamSource({ bus, desired, waitDays }: StreamSourceParts): DataSource {
  return {
    name: 'streams',
    copies: async () =>
      (await bus.streams()).map((state): DataCopy => {
        const { sensor, instruments } = desired();
        const days = waitDays?.(state);
        const known =
          state.instrument === PLATFORM || instruments.some(({ name }) => name === state.instrument);
        return {
          copy: `stream/${state.instrument}`,
          kind: 'stream',
          what: known
            ? `events that ${state.instrument === PLATFORM ? `the sensor ${sensor}` : state.instrument} published, packed`
            : `events of ${state.instrument}, which is not configured any more`,
          where: `stream ${state.stream} of nats-server${desired().bus.encrypt ? ', encrypted at rest' : ', not encrypted'}`,
          holder: 'platform',
          limitBytes: state.maxBytes,
          measured: {
            bytes: state.bytes,
            ...(state.oldest === '' ? { records: 0 } : { oldest: state.oldest, newest: state.newest }),
          },
          policy: {
            days: Math.max(TRIMMED_AFTER_DAYS, days ?? 0),
            text:
              'removed a day after it was stored, once the event store has it and every reader has read it' +
              `${days === undefined ? '' : `, and once the fleet has it, for which it waits up to ${String(days)} days`}; ` +
              'single records cannot be deleted',
          },
          ...readersOf(desired(), state.instrument),
        };
      }),
    find: (subject, signal) => scan(bus, subject, signal),
    purge: async (subject, _requestId, signal) => {
      const left = (await scan(bus, subject, signal)).filter(
        ({ records, complete }) => records > 0 || !complete,
      );
      return left.map(({ copy, records, complete }) => ({
        copy,
        deleted: 0,
        basis: 'measured' as const,
        note: `${complete ? '' : 'at least '}${String(records)} records stay: a stream lets nobody delete single records; they go within a day, once every reader has read them`,
      }));
    },
  };
}

/** Who reads a publisher's events, and so where they go. */
function readersOf({ instruments }: DesiredState, publisher: string): Pick<DataCopy, 'readers' | 'goesTo'> {
  const readers = instruments.flatMap(({ name, rights }) => {
    const types = rights.read.filter(({ from }) => from === publisher).map(({ type }) => type);
    return types.length === 0 ? [] : [`${name} (granted: ${types.join(', ')})`];
  });
  return { readers, goesTo: ['the event store of the sensor', ...readers] };
}

async function scan(
  bus: StreamSourceParts['bus'],
  subject: DataSubject,
  signal: AbortSignal,
): Promise<DataMatch[]> {
  const matches: DataMatch[] = [];
  for (const { instrument } of await bus.streams()) {
    if (signal.aborted) break;
    const match = await scanOne(bus, instrument, subject, signal);
    if (match.records > 0 || !match.complete) matches.push(match);
  }
  return matches;
}

async function scanOne(
  bus: StreamSourceParts['bus'],
  instrument: string,
  subject: DataSubject,
  signal: AbortSignal,
): Promise<DataMatch> {
  const matcher = subjectMatcher(subject);
  const match: DataMatch = { copy: `stream/${instrument}`, records: 0, basis: 'measured', complete: false };
  const enough = new AbortController();
  const until = AbortSignal.any([signal, enough.signal, AbortSignal.timeout(SCAN_MS)]);
  let reached: Date | undefined;
  const feed = await bus.subscribeEvents(
    { instrument, start: 'beginning' },
    (message) => {
      reached = message.storedAt;
      if (until.aborted || !matcher.mayContain(message.body)) return;
      const found = decodeMessage(message).events.filter(({ record }) => matcher.matches(record)).length;
      if (found === 0) return;
      match.records += found;
      match.oldest ??= message.storedAt.toISOString();
      match.newest = message.storedAt.toISOString();
    },
    until,
  );
  await feed.caughtUp;
  match.complete = !until.aborted;
  enough.abort();
  await feed.ended;
  if (!match.complete) match.note = `looked through up to ${reached?.toISOString() ?? 'nothing'} only`;
  return match;
}
