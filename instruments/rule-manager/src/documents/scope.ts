import type { AnyDocument, Document, Kind, Scope } from './schemas.ts';

/** The sensor that something is decided for. */
export interface Place {
  sensor: string;
  groups: readonly string[];
}

/** How narrow a scope is: of two documents the narrower one wins, of equally narrow ones the later. */
export function rankOf(scope: Scope): number {
  if ('all' in scope) return 0;
  return 'group' in scope ? 1 : 2;
}

/** Whether a scope includes a sensor. An address is meant wherever it shows up. */
export function includes(scope: Scope, place: Place): boolean {
  if ('group' in scope) return place.groups.includes(scope.group);
  return !('sensor' in scope) || scope.sensor === place.sensor;
}

/** The documents that hold at a place and time, the deciding one last. */
export function holding<K extends Kind>(
  documents: readonly AnyDocument[],
  kind: K,
  place: Place,
  nowMs: number,
): Document<K>[] {
  return documents
    .filter((document) => document.kind === kind)
    .filter(({ scope }) => includes(scope, place))
    .filter(({ expires }) => expires === undefined || Date.parse(expires) > nowMs)
    .map((document) => document as unknown as Document<K>)
    .sort(
      (a, b) => rankOf(a.scope) - rankOf(b.scope) || compareTexts(a.time, b.time) || compareTexts(a.id, b.id),
    );
}

/** Order by code units: the same on every machine. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
