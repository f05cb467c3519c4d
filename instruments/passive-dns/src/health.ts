import type { Health } from '@bulkhead/sdk';

/** What health is judged by. */
export interface HealthFacts {
  trouble: string | undefined;
  /** Messages that wait for the database. */
  waiting: number;
  /** Why the HTTP API does not listen. */
  api: string | undefined;
  /** Why the web page is not served. */
  page: string | undefined;
  retentionHeld: string | undefined;
  /** When the last database was found damaged, ms since 1970. */
  damagedMs: number | undefined;
  nowMs: number;
  /** Kinds of events that can no longer be read. */
  unread: readonly string[];
  counters: Readonly<Record<string, number>>;
}

/** The loss of a database is shown for a day. */
const DAMAGE_SHOWN_MS = 86_400_000;

/** Judges; the worst is said first. */
export function judgeHealth(facts: HealthFacts): Health {
  const { counters } = facts;
  const said: string[] = [];
  if (facts.trouble !== undefined) {
    said.push(
      `Nothing can be stored: ${facts.trouble}. ${String(facts.waiting)} messages wait and are not acknowledged; it goes on by itself when there is room.`,
    );
  }
  if (facts.unread.length > 0) said.push(`Events that cannot be read: ${facts.unread.join(', ')}.`);
  if (facts.damagedMs !== undefined && facts.nowMs - facts.damagedMs < DAMAGE_SHOWN_MS) {
    said.push(
      `The database was found damaged at ${new Date(facts.damagedMs).toISOString()} and set aside as dns.sqlite.damaged-N; what it knew cannot be read again, and a new one was begun.`,
    );
  }
  if (facts.retentionHeld !== undefined) said.push(`Retention is held: ${facts.retentionHeld}.`);
  if (facts.api !== undefined) said.push(`The HTTP API does not listen: ${facts.api}.`);
  if (facts.page !== undefined) said.push(`The web page is not served: ${facts.page}.`);
  if (said.length === 0) return { state: 'ok', counters };
  // Never `failed`: the sensor would start the instrument again, which makes no room.
  return { state: 'degraded', detail: said.join(' '), counters };
}
