import { durationWords } from '../../text/time-words.ts';

/** A loss that did not become more for so long is over. */
const LATELY_S = 600;

/** What was lost somewhere, as a sensor tells it; one of an older version does not tell how long ago. */
export interface Lost {
  lost: number;
  /** How long ago it became more. */
  lostAgoS?: number | undefined;
  /** How much of it is from before every instrument saw. */
  lostStarting?: number | undefined;
}

/**
 * `growing`: more was lost lately, or nobody knows when. `start`: all of it before every instrument saw, and none since.
 * `over`: none lately.
 */
export type LossStanding = 'none' | 'growing' | 'start' | 'over';

/** Whether a loss goes on. In doubt it does: nothing that grows, or may grow, is called over. Pure. */
export function lossStanding({ lost, lostAgoS, lostStarting = 0 }: Lost): LossStanding {
  if (lost <= 0) return 'none';
  if (lostStarting >= lost) return 'start';
  return lostAgoS !== undefined && lostAgoS >= LATELY_S ? 'over' : 'growing';
}

/** What is said of a loss behind its number; of one that grows, nothing. Pure. */
export function lossNote(loss: Lost): string {
  switch (lossStanding(loss)) {
    case 'start':
      return 'at the start';
    case 'over':
      return `none for ${durationWords(loss.lostAgoS ?? 0)}`;
    case 'none':
    case 'growing':
      return '';
  }
}

/** The losses of two stages as one. Pure. */
export function bothLost(first: Lost, second: Lost): Required<Lost> {
  const ages = [first, second].filter(({ lost }) => lost > 0).map(({ lostAgoS }) => lostAgoS ?? 0);
  const isKnown = [first, second].every(({ lost, lostAgoS }) => lost === 0 || lostAgoS !== undefined);
  return {
    lost: first.lost + second.lost,
    lostAgoS: isKnown && ages.length > 0 ? Math.min(...ages) : undefined,
    lostStarting: (first.lostStarting ?? 0) + (second.lostStarting ?? 0),
  };
}
