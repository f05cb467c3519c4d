import type { Health } from '@bulkhead/sdk';
import type { SourceState, Target } from './api/results.ts';

/** What health is judged by. */
export interface HealthFacts {
  /** Why the HTTP API does not listen. */
  api: string | undefined;
  /** Whether the database was found damaged at this start. */
  wasDamaged: boolean;
  sources: readonly Pick<SourceState, 'name' | 'state' | 'enabled'>[];
  targets: readonly Target[];
  /** Why what is wanted cannot be built. */
  unbuildable: { code: string; message: string } | undefined;
  pinned: string | undefined;
  enabled: number | undefined;
  retentionHeld: string | undefined;
  unread: readonly string[];
  counters: Readonly<Record<string, number>>;
}

/** Judges; the worst is said first. Never `failed`: a new start would repair nothing of this. */
export function judgeHealth(facts: HealthFacts): Health {
  const { counters, targets } = facts;
  const said: string[] = [];
  if (facts.wasDamaged) {
    said.push('The database was damaged and set aside; documents were restored from their copy.');
  }
  if (facts.unbuildable !== undefined) {
    said.push(`What is wanted cannot go live: ${facts.unbuildable.message} (${facts.unbuildable.code})`);
  }
  for (const target of targets) {
    if (target.state !== 'refused' && target.state !== 'failed') continue;
    const runs = target.version === undefined ? '' : `; it goes on with ${target.version}`;
    said.push(`${target.name}: ${target.message ?? target.state} (${target.code ?? 'no code'})${runs}.`);
  }
  const refused = facts.sources.filter(
    ({ enabled, state }) => enabled && (state === 'stale' || state === 'refused'),
  );
  if (refused.length > 0) {
    said.push(`The newest file of ${refused.map(({ name }) => name).join(', ')} was not taken.`);
  }
  if (facts.unread.length > 0) said.push(`Events that cannot be read: ${facts.unread.join(', ')}.`);
  if (facts.retentionHeld !== undefined) said.push(`Retention is held: ${facts.retentionHeld}.`);
  if (facts.api !== undefined) said.push(`The web page and API do not listen: ${facts.api}.`);
  if (said.length > 0) return { state: 'degraded', detail: said.join(' ').slice(0, 500), counters };
  const notes = [
    ...(facts.pinned === undefined
      ? []
      : [`Version ${facts.pinned} stays until "deploy"; what changed since waits.`]),
    ...(facts.enabled === 0 ? ['No rule is enabled yet: add a source.'] : []),
    ...(targets.length === 0 ? ['No IDS was granted.'] : []),
  ];
  return { state: 'ok', ...(notes.length === 0 ? {} : { detail: notes.join(' ') }), counters };
}
