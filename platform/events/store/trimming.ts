/** A stream as the bus shows it. */
export interface StreamFacts {
  stream: string;
  created: string;
  messages: number;
  bytes: number;
  maxBytes: number;
  firstSequence: number;
  lastSequence: number;
  /** Every durable reader has acknowledged up to here. */
  acknowledged: number;
  trimmable: boolean;
}

/** A stream that is fuller than this is trimmed ... */
const FULL = 0.5;
/** ... until this much of what it may hold is left, the newest. */
const KEPT = 0.25;

/** What waits for somebody elsewhere, see {@link trimPoint}. */
export interface HeldBack {
  /** Last sequence that they have. */
  upTo: number;
  /** Last sequence that has waited for long enough. */
  waited: number;
}
/** A stream that is fuller than this is trimmed also of what somebody elsewhere waits for ... */
const HELD_FULL = 0.7;
/** ... until this much of what it may hold is left. */
const HELD_KEPT = 0.6;

/**
 * Up to which sequence a stream may be trimmed now; undefined when there is nothing to do.
 * @param stored last sequence that is durably in the store
 * @param aged last sequence that is old enough to go for its age alone
 * @param held what waits for a fleet: it stays, while there is room and its time is not over
 */
export function trimPoint(
  stream: StreamFacts,
  stored: number,
  aged: number,
  held?: HeldBack,
): number | undefined {
  const { bytes, maxBytes, messages, firstSequence, lastSequence, acknowledged } = stream;
  let upTo = aged;
  if (maxBytes > 0 && bytes > FULL * maxBytes) {
    upTo = Math.max(upTo, lastSequence - fitting(stream, KEPT));
  }
  if (held !== undefined) {
    const must = maxBytes > 0 && bytes > HELD_FULL * maxBytes ? lastSequence - fitting(stream, HELD_KEPT) : 0;
    upTo = Math.min(upTo, Math.max(held.upTo, held.waited, must));
  }
  upTo = Math.min(upTo, stored, acknowledged);
  return messages > 0 && upTo >= firstSequence ? upTo : undefined;
}

/** How many messages fill this part of what the stream may hold. */
function fitting({ messages, maxBytes, bytes }: StreamFacts, part: number): number {
  return Math.floor((messages * part * maxBytes) / bytes);
}

/** Why a stream that is filling up cannot be trimmed, in words; undefined when it is all right. */
export function fillingUp(stream: StreamFacts, stored: number): string | undefined {
  const { bytes, maxBytes, trimmable, acknowledged, lastSequence } = stream;
  if (maxBytes <= 0 || bytes < 0.9 * maxBytes) return undefined;
  const full = `the stream ${stream.stream} is ${String(Math.floor((100 * bytes) / maxBytes))} % full`;
  if (!trimmable) return `${full}, and was made by an older version so that it cannot be trimmed`;
  if (stored < lastSequence * 0.5 && stored < acknowledged) return `${full}, and the event store is behind`;
  return acknowledged < lastSequence ? `${full}, and one of its readers is behind` : undefined;
}
