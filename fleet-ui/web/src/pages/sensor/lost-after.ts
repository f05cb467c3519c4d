import type { ConfigRevision, LinkView } from '@bulkhead/fleet-api';

/** A link that ends within this time after a configuration came was most likely ended by it. */
const SUSPECT_MS = 180_000;

export interface LostAfter {
  /** Revision that came last before the link ended. */
  revision: number;
  afterS: number;
  /** The newest one before it that was in force. */
  back: number | undefined;
}

/**
 * Whether a sensor was lost right after a configuration was sent to it.
 * @param revisions the newest first. Pure.
 */
export function lostAfter(
  link: Pick<LinkView, 'attached' | 'since'> | undefined,
  revisions: readonly ConfigRevision[],
): LostAfter | undefined {
  if (link === undefined || link.attached || link.since === undefined) return undefined;
  const lostMs = Date.parse(link.since);
  // Made after the link had ended: they never arrived.
  const arrived = revisions.filter(({ at }) => Date.parse(at) <= lostMs);
  const [newest, ...before] = arrived;
  if (newest === undefined) return undefined;
  const times = [newest.at, newest.resultAt].map((time) => Date.parse(time ?? ''));
  const afterMs = lostMs - Math.max(...times.filter((time) => time <= lostMs));
  if (afterMs > SUSPECT_MS) return undefined;
  return {
    revision: newest.number,
    afterS: Math.round(afterMs / 1000),
    back: before.find(({ state }) => state === 'applied')?.number,
  };
}
