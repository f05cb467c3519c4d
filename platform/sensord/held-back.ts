import type { StreamState } from '../bus/index.ts';
import type { Feature } from './feature.ts';

/** What a feature still wants of a stream, so that it is not trimmed: see `holdsBack`. At most one feature does. */
export function heldBack(
  features: readonly Feature[],
  stream: StreamState,
): { upTo: number; forS: number } | undefined {
  return features.map((feature) => feature.holdsBack?.(stream)).find((held) => held !== undefined);
}

/** The same in days, for people; undefined when nobody waits. */
export function waitDays(features: readonly Feature[], stream: StreamState): number | undefined {
  const held = heldBack(features, stream);
  return held === undefined ? undefined : Math.ceil(held.forS / 86_400);
}
