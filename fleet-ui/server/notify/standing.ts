import { compareSeverity, saidBy, type Matter } from './matters.ts';

/** What began, what became worse and what is over, since the look before. */
export interface Changes {
  began: readonly Matter[];
  /** Stood already, and is more severe than it was at any time since it began; `was` says as what it stood. */
  worse: readonly Matter[];
  over: readonly Matter[];
  /** Began too, and there was no room for it. Each is named once for as long as it stands. */
  leftOut: readonly Matter[];
}

/** How long something must be gone before it is over: what comes and goes is told once. */
const GONE_MS = 60_000;
/** After a start nobody is there yet, and nobody is known to be well. */
const QUIET_MS = 120_000;
/** More is one matter: that there are many. What is left out is only counted. */
const STANDING_MOST = 2_000;
/** Of what one sensor says: it must not take the room of the others. */
const OF_ONE_MOST = 100;

interface Standing {
  /** At its worst. */
  matter: Matter;
  /** When it was missed first; undefined: it is there. */
  goneMs: number | undefined;
}

/**
 * Knows what stands, from one look to the next and over restarts, so that each matter is told when it begins, when it becomes worse than it
 * ever was since then, and when it is over, and not in between.
 *
 * What a sensor said is unknown while it is away: it is not over then, and not told anew when the sensor is back.
 */
export class StandingMatters {
  readonly #standing = new Map<string, Standing>();
  readonly #startedMs: number;
  #leftOut: ReadonlySet<string> = new Set();

  /** @param known what stood when it was last kept */
  constructor(known: readonly Matter[], startedMs: number) {
    this.#startedMs = startedMs;
    for (const matter of known) this.#standing.set(matter.key, { matter, goneMs: undefined });
  }

  /** For keeping. */
  get matters(): Matter[] {
    return [...this.#standing.values()].map(({ matter }) => matter);
  }

  look(now: readonly Matter[], nowMs: number): Changes {
    const seen = new Map<string, Matter>();
    for (const matter of now) {
      const same = seen.get(matter.key);
      if (same === undefined || compareSeverity(matter, same) >= 0) seen.set(matter.key, matter);
    }
    const away = new Set(
      now.filter(({ key }) => key.startsWith('offline:')).map(({ sensor }) => sensor ?? ''),
    );
    const began: Matter[] = [];
    const worse: Matter[] = [];
    const noRoom: Matter[] = [];
    const shares = new Map<string, number>();
    for (const { matter } of this.#standing.values()) count(shares, saidBy(matter));
    for (const matter of seen.values()) {
      const standing = this.#standing.get(matter.key);
      const sensor = saidBy(matter);
      if (standing !== undefined) {
        standing.goneMs = undefined;
        const { since, severity: was } = standing.matter;
        if (compareSeverity(matter, standing.matter) <= 0) continue;
        standing.matter = { ...matter, since };
        worse.push({ ...standing.matter, was });
      } else if (this.#standing.size < STANDING_MOST && (shares.get(sensor ?? '') ?? 0) < OF_ONE_MOST) {
        this.#standing.set(matter.key, { matter, goneMs: undefined });
        count(shares, sensor);
        began.push(matter);
      } else noRoom.push(matter);
    }
    const leftOut = noRoom.filter(({ key }) => !this.#leftOut.has(key));
    this.#leftOut = new Set(noRoom.map(({ key }) => key));
    const over: Matter[] = [];
    for (const [key, standing] of this.#standing) {
      if (seen.has(key)) continue;
      const { sensor } = standing.matter;
      const isUnknown =
        nowMs - this.#startedMs < QUIET_MS ||
        (sensor !== undefined && !key.startsWith('offline:') && away.has(sensor));
      if (isUnknown) standing.goneMs = undefined;
      else standing.goneMs ??= nowMs;
      if (standing.goneMs === undefined || nowMs - standing.goneMs < GONE_MS) continue;
      this.#standing.delete(key);
      over.push(standing.matter);
    }
    return { began, worse, over, leftOut };
  }
}

function count(shares: Map<string, number>, sensor: string | undefined): void {
  if (sensor !== undefined) shares.set(sensor, (shares.get(sensor) ?? 0) + 1);
}
