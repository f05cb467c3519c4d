import type { Place, Visitor } from './types.ts';

/** Why something that goes on is ended from here. */
export type CutReason = 'rights' | 'silence' | 'closing';

/** Something that goes on between a browser and a page: a request that is being answered, or an upgraded connection. */
export interface Live {
  readonly place: Place;
  readonly visitor: Visitor;
  /** Without a byte either way, in milliseconds, until it is ended. */
  idleMs: number;
  /** Milliseconds of {@link Lives.now} when the last byte went either way. */
  movedAt: number;
  /** Looks for bytes that went since it was last asked, where nothing notes them as they go. */
  look?(nowMs: number): void;
  cut(reason: CutReason): void;
}

/** Changes in quick succession are looked at together. */
const SWEEP_MS = 1_000;

/**
 * All that goes on, with one clock and one look at rights for all.
 *
 * INVARIANTS: what was added is taken off by whoever added it, once. The right to be there is asked again at every change that
 * people tell of, and every second for what they could not know (an assignment by group, a token that ran out).
 */
export class Lives {
  /** Coarse: good to a second, and costs nothing per chunk. */
  now = Date.now();
  readonly #lives = new Set<Live>();
  readonly #tidy: (nowMs: number) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(tidy: (nowMs: number) => void) {
    this.#tidy = tidy;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      this.sweep();
    }, SWEEP_MS).unref();
  }

  add(live: Live): void {
    this.#lives.add(live);
  }

  remove(live: Live): void {
    this.#lives.delete(live);
  }

  get size(): number {
    return this.#lives.size;
  }

  /** Ends what may no longer be there, at once. */
  checkRights(): void {
    for (const live of this.#lives) if (!mayStay(live)) live.cut('rights');
  }

  sweep(): void {
    this.now = Date.now();
    for (const live of this.#lives) {
      live.look?.(this.now);
      if (!mayStay(live)) live.cut('rights');
      else if (this.now - live.movedAt > live.idleMs) live.cut('silence');
    }
    this.#tidy(this.now);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const live of this.#lives) live.cut('closing');
  }
}

/** The one question that decides every access, at its begin and for as long as it lasts. */
export function mayStay({ visitor, place }: Pick<Live, 'visitor' | 'place'>): boolean {
  return visitor.isAlive() && visitor.may('instruments.open', place.sensor, place.instrument);
}
