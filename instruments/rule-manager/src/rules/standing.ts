import { changesBySid } from '../compile/compile.ts';
import type { AnyDocument } from '../documents/schemas.ts';
import { holding, type Place } from '../documents/scope.ts';
import type { Standing } from './rule-store.ts';

/** How rules stand on this sensor, for searching and showing them. */
export function standingOf(
  documents: readonly AnyDocument[],
  current: ReadonlyMap<string, number>,
  place: Place,
  nowMs: number,
): Standing {
  const active = new Set(
    holding(documents, 'source', place, nowMs)
      .filter(({ body }) => body.enabled)
      .map(({ body }) => body.name),
  );
  const changes = changesBySid(holding(documents, 'rule', place, nowMs));
  const switched = new Map<number, boolean>();
  for (const [sid, { enabled }] of changes) if (enabled !== undefined) switched.set(sid, enabled);
  return {
    files: [...current].map(([source, id]) => ({ id, source, active: active.has(source) })),
    switched,
    changed: new Set(changes.keys()),
  };
}
