import type { FeedAlarm, FeedAlarmKind } from '../contracts/index.ts';

/** What one rule says now. `good` lies further inside than `bad` is outside; between them nothing changes. */
export interface FeedFinding {
  kind: FeedAlarmKind;
  verdict: 'good' | 'bad' | 'between' | 'unknown';
  /** Looks in a row that must be bad before it is an alarm. */
  patience: number;
  observed: string;
  expected: string;
  text: string;
}

/** Looks in a row that must be good before an alarm ends. */
const CALM = 3;

/** A change that people are told. */
export interface AlarmChange {
  type: 'feed.alarm' | 'feed.cleared';
  alarm: FeedAlarm;
}

/**
 * Alarms as state, with hysteresis: several bad looks in a row raise one, several good ones end it.
 *
 * INVARIANTS: at most one alarm of each kind; an alarm is told once when it begins and once when it ends.
 */
export class FeedAlarms {
  readonly #alarms = new Map<FeedAlarmKind, FeedAlarm>();
  readonly #bad = new Map<FeedAlarmKind, number>();
  readonly #good = new Map<FeedAlarmKind, number>();

  get all(): FeedAlarm[] {
    return [...this.#alarms.values()];
  }

  has(kind: FeedAlarmKind): boolean {
    return this.#alarms.has(kind);
  }

  /** Takes what a rule says now. @returns what changed, if anything. */
  take(finding: FeedFinding, now: Date): AlarmChange | undefined {
    const { kind, verdict, observed, expected, text } = finding;
    if (verdict === 'unknown') return undefined;
    const bad = verdict === 'bad' ? (this.#bad.get(kind) ?? 0) + 1 : 0;
    const good = verdict === 'good' ? (this.#good.get(kind) ?? 0) + 1 : 0;
    this.#bad.set(kind, bad);
    this.#good.set(kind, good);
    const standing = this.#alarms.get(kind);
    if (standing === undefined) {
      if (bad < finding.patience) return undefined;
      const alarm = { kind, since: now.toISOString(), observed, expected, text };
      this.#alarms.set(kind, alarm);
      return { type: 'feed.alarm', alarm };
    }
    if (good >= CALM) {
      this.#alarms.delete(kind);
      return { type: 'feed.cleared', alarm: { ...standing, observed, expected } };
    }
    if (verdict === 'bad') this.#alarms.set(kind, { ...standing, observed, expected, text });
    return undefined;
  }
}
