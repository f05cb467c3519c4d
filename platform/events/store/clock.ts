/** What the machine says of time. */
export interface ClockReading {
  /** Milliseconds since 1970 by the machine's clock, which people and networks can set. */
  wallMs: number;
  /** Seconds since the machine started, also while it slept; nobody can set it. */
  uptimeS: number;
  /** Another one after each start of the machine. */
  bootId: string;
}

/** The store's own clock at its last reading. */
export interface ClockState extends ClockReading {
  /** Seconds that have gone by for the store; begins as the machine's time and never goes back. */
  dataS: number;
  /** Seconds that the machine's clock said it was off, and that were not believed. */
  doubtedS: number;
}

/** While the machine is off only its settable clock tells how long; so much of that is believed. */
export const MOST_OFF_S = 7 * 86_400;
/** The machine's clock was set by more than this while it ran: told. */
const JUMP_S = 3_600;

export interface ClockStep {
  state: ClockState;
  /** By how many seconds the machine's clock was set, when that is worth telling. */
  jumpedS?: number;
}

/**
 * Moves the store's clock on. It follows the time that has really gone by, and so no clock that is set a year ahead makes
 * anything old; nor does one that is set back make anything new.
 */
export function advance(before: ClockState | undefined, now: ClockReading): ClockStep {
  if (before === undefined) {
    return { state: { ...now, dataS: Math.floor(now.wallMs / 1000), doubtedS: 0 } };
  }
  const wallS = (now.wallMs - before.wallMs) / 1000;
  if (now.bootId === before.bootId) {
    const goneS = Math.max(0, now.uptimeS - before.uptimeS);
    const jumpedS = Math.round(wallS - goneS);
    return {
      state: { ...now, dataS: before.dataS + goneS, doubtedS: before.doubtedS },
      ...(Math.abs(jumpedS) > JUMP_S ? { jumpedS } : {}),
    };
  }
  const offS = Math.max(0, wallS - now.uptimeS);
  const believedS = Math.min(offS, MOST_OFF_S);
  const doubtS = Math.round(offS - believedS);
  return {
    state: { ...now, dataS: before.dataS + now.uptimeS + believedS, doubtedS: before.doubtedS + doubtS },
    ...(doubtS > 0 || wallS < -JUMP_S ? { jumpedS: Math.round(wallS < 0 ? wallS : doubtS) } : {}),
  };
}

/** A person says that the machine really was off for all that time. */
export function believe(state: ClockState): ClockState {
  return { ...state, dataS: state.dataS + state.doubtedS, doubtedS: 0 };
}
