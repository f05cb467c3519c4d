const DAY_MS = 86_400_000;
/** More than this between two looks, beside the time that passed, is a jump. */
const JUMP_MS = DAY_MS;
/** A machine that was off for at most so long is believed, once it has run steadily for a day. */
const OFF_MS = 31 * DAY_MS;
const STEADY_MS = DAY_MS;
/** A person's word that the clock is right holds for jumps noticed within a week after that day. */
const WORD_MS = 7 * DAY_MS;

/** What is known of the clock, and where it is asked. */
export interface ClockSources {
  nowMs: () => number;
  /** Time that passes whatever the clock says. */
  steadyMs: () => number;
  /** The last time that retention trusted the clock; undefined on a new database. */
  lastTick: () => number | undefined;
  keepTick: (ms: number) => void;
  /** ISO date on which a person found the clock right. */
  checkedOn: () => string | undefined;
}

/**
 * Says whether the clock may be trusted with deleting. A clock that is a year ahead would make all data old.
 *
 * INVARIANT: the tick moves only while the clock is trusted, so a jump is still one after a restart.
 */
export class TrustedClock {
  readonly #sources: ClockSources;
  readonly #began: { now: number; steady: number };
  /** A jump that was seen while running: the clock was set, the machine was not off. */
  #set = false;
  #looked: { now: number; steady: number };

  constructor(sources: ClockSources) {
    this.#sources = sources;
    this.#began = { now: sources.nowMs(), steady: sources.steadyMs() };
    this.#looked = this.#began;
  }

  /** Looks at the clock. @returns the time to judge by, or why nothing may be deleted */
  look(): { trusted: true; nowMs: number } | { trusted: false; reason: string } {
    const [now, steady] = [this.#sources.nowMs(), this.#sources.steadyMs()];
    const moved = now - this.#looked.now - (steady - this.#looked.steady);
    if (Math.abs(moved) > JUMP_MS) this.#set = true;
    this.#looked = { now, steady };
    const tick = this.#sources.lastTick();
    const gap = tick === undefined ? 0 : now - tick;
    if (tick === undefined || Math.abs(gap) <= JUMP_MS || this.#wasOff(gap, steady) || this.#saidRight(now)) {
      this.#set = false;
      this.#sources.keepTick(now);
      return { trusted: true, nowMs: now };
    }
    const days = (gap / DAY_MS).toFixed(1);
    return {
      trusted: false,
      reason: `the clock differs by ${days} days from the last time it was trusted; nothing is deleted until it is right again, or the option clockCheckedOn names the day on which a person found it right`,
    };
  }

  #wasOff(gap: number, steady: number): boolean {
    return !this.#set && gap > 0 && gap <= OFF_MS && steady - this.#began.steady >= STEADY_MS;
  }

  #saidRight(now: number): boolean {
    const on = this.#sources.checkedOn();
    if (on === undefined) return false;
    const day = Date.parse(`${on}T00:00:00Z`);
    return now >= day - DAY_MS && now <= day + WORD_MS;
  }
}
