import { joined, leastNeeded, type AlertKind } from './alert-kinds.ts';
import { compareSeverity, saidBy, type Matter } from './matters.ts';

/** What one message tells. */
export interface Batch {
  /** With what became worse, see {@link Matter.was}. */
  began: readonly Matter[];
  over: readonly Matter[];
  alerts: readonly AlertKind[];
  /** For which there was no room. */
  leftOut: number;
}

/** When and how often one channel may speak. */
export interface Pace {
  groupS: number;
  perHour: number;
}

/** All that is remembered of a channel over a restart. */
export interface OutboxState {
  began: Matter[];
  over: Matter[];
  alerts: AlertKind[];
  leftOut: number;
  /** Keys of matters that this channel was told of, or is about to be. */
  told: string[];
  /** When its latest messages went, the oldest first; ms. */
  sentMs: number[];
  failures: number;
  nextTryMs: number;
}

export const OUTBOX_LIMITS = Object.freeze({
  ...{ matters: 200, alertKinds: 100, told: 2_000 },
  /** Of what one sensor says: it must not take the room of the others. */
  ...{ mattersOfOne: 40, toldOfOne: 400 },
});
/** What comes together is told together, also in the first message. */
const QUICK_MS = 5_000;
const HOUR_MS = 3_600_000;
const RETRY_FIRST_MS = 30_000;
const RETRY_MOST_MS = 3_600_000;

export function emptyOutbox(): OutboxState {
  return {
    ...{ began: [], over: [], alerts: [], leftOut: 0, told: [], sentMs: [] },
    ...{ failures: 0, nextTryMs: 0 },
  };
}

/**
 * What waits to be told on one channel, and when it may be told.
 *
 * INVARIANTS: bounded, whatever comes in and for however long nothing can be sent; what there is no room for is counted. A batch is
 * taken, and then either `sent` or `failed`; what comes meanwhile is for the next one. Nothing is told as over that was not told.
 * Knows no clock: the time is always given.
 */
export class Outbox {
  readonly #state: OutboxState;
  #pace: Pace;
  #flying: Batch | undefined;
  /** When the first of what waits came. */
  #waitingSinceMs: number | undefined;
  #told: Set<string>;

  constructor(state: OutboxState, pace: Pace, nowMs: number) {
    this.#state = structuredClone(state);
    this.#told = new Set(state.told);
    this.#pace = pace;
    if (this.waiting + this.leftOut > 0) this.#waitingSinceMs = nowMs;
  }

  set pace(pace: Pace) {
    this.#pace = pace;
  }

  get waiting(): number {
    const { began, over, alerts } = this.#state;
    const flying = this.#flying;
    const underway =
      flying === undefined ? 0 : flying.began.length + flying.over.length + countOf(flying.alerts);
    return began.length + over.length + countOf(alerts) + underway;
  }

  get leftOut(): number {
    return this.#state.leftOut + (this.#flying?.leftOut ?? 0);
  }

  get failures(): number {
    return this.#state.failures;
  }

  /** Undefined: nothing waits, or nothing was tried in vain. */
  get nextTryMs(): number | undefined {
    return this.#state.failures === 0 ? undefined : this.#state.nextTryMs;
  }

  /** For keeping. What is under way is in it: after a crash it is told once more rather than never. */
  get state(): OutboxState {
    const flying = this.#flying;
    const { began, over, alerts, leftOut } = this.#state;
    return {
      ...this.#state,
      told: [...this.#told],
      began: joinMatters(flying?.began ?? [], began),
      over: [...(flying?.over ?? []), ...over],
      alerts: joinAlerts(flying?.alerts ?? [], alerts),
      leftOut: leftOut + (flying?.leftOut ?? 0),
    };
  }

  /** After something was changed about the channel: what failed before is no reason to wait. */
  retryNow(): void {
    this.#state.failures = 0;
    this.#state.nextTryMs = 0;
  }

  /** What came and is told by its number alone. */
  miss(count: number, nowMs: number): void {
    this.#state.leftOut += count;
    this.#waitingSinceMs ??= nowMs;
  }

  began(matter: Matter, nowMs: number): void {
    const isBeingToldOver = this.#flying?.over.some(({ key }) => key === matter.key) === true;
    if (this.#told.has(matter.key) && !isBeingToldOver) {
      // Over and there again before anybody was told that it was over: nothing happened, unless it came back as something worse.
      const before = this.#state.over.find(({ key }) => key === matter.key);
      this.#state.over = this.#state.over.filter((one) => one !== before);
      if (before !== undefined && compareSeverity(matter, before) > 0)
        this.worse({ ...matter, was: before.severity }, nowMs);
      return;
    }
    this.#add(matter, nowMs);
  }

  /** @param matter with what it was before. Also for who was not told that it began: now it concerns them. */
  worse(matter: Matter, nowMs: number): void {
    const { began } = this.#state;
    const at = began.findIndex(({ key }) => key === matter.key);
    const waiting = began[at];
    if (waiting === undefined) this.#add(matter, nowMs);
    else began[at] = joinMatter(waiting, matter);
  }

  #add(matter: Matter, nowMs: number): void {
    const { began } = this.#state;
    if (began.length >= OUTBOX_LIMITS.matters || this.#isForgotten(matter) || this.#hasItsShare(matter)) {
      this.#state.leftOut += 1;
    } else {
      this.#told.add(matter.key);
      began.push(matter);
    }
    this.#waitingSinceMs ??= nowMs;
  }

  /** There is no room to remember that it was told. */
  #isForgotten({ key }: Matter): boolean {
    return !this.#told.has(key) && this.#told.size >= OUTBOX_LIMITS.told;
  }

  over(matter: Matter, nowMs: number): void {
    if (!this.#told.has(matter.key)) return;
    const { began, over } = this.#state;
    const ofOne = saidBy(matter);
    // Of what was not told yet it is told in one breath that it was there and is over.
    if (over.some(({ key }) => key === matter.key)) return;
    if (
      over.length >= OUTBOX_LIMITS.matters ||
      shareOf([...(this.#flying?.over ?? []), ...over], ofOne) >= OUTBOX_LIMITS.mattersOfOne
    ) {
      this.#state.leftOut += 1;
      this.#state.began = began.filter(({ key }) => key !== matter.key);
      this.#told.delete(matter.key);
    } else over.push(matter);
    this.#waitingSinceMs ??= nowMs;
  }

  /** What is under way counts: if it fails, it waits again. */
  #hasItsShare(matter: Matter): boolean {
    const sensor = saidBy(matter);
    if (sensor === undefined) return false;
    const waiting = shareOf([...(this.#flying?.began ?? []), ...this.#state.began], sensor);
    if (waiting >= OUTBOX_LIMITS.mattersOfOne) return true;
    if (this.#told.has(matter.key)) return false;
    const told = [...this.#told].filter(
      (key) => saidBy({ key, sensor: key.split(':', 2)[1] ?? '' }) === sensor,
    );
    return told.length >= OUTBOX_LIMITS.toldOfOne;
  }

  alert(kind: AlertKind, nowMs: number): void {
    const { alerts } = this.#state;
    const at = alerts.findIndex(({ key }) => key === kind.key);
    const same = alerts[at];
    if (same !== undefined) alerts[at] = joined(same, kind);
    else {
      alerts.push(kind);
      this.#makeRoom();
    }
    this.#waitingSinceMs ??= nowMs;
  }

  #makeRoom(): void {
    const { alerts } = this.#state;
    while (alerts.length > OUTBOX_LIMITS.alertKinds)
      this.#state.leftOut += countOf(alerts.splice(leastNeeded(alerts), 1));
  }

  /** When it may send, if something waits; ms. A clock that was set back makes it forget when it sent, not fall silent. */
  dueMs(nowMs: number): number | undefined {
    if (this.#flying !== undefined || this.#waitingSinceMs === undefined) return undefined;
    const { failures, nextTryMs } = this.#state;
    const sentMs = this.#state.sentMs.filter((at) => at <= nowMs);
    const last = sentMs.at(-1) ?? -Infinity;
    this.#waitingSinceMs = Math.min(this.#waitingSinceMs, nowMs);
    const oldestThatCounts = sentMs.at(-this.#pace.perHour);
    return Math.max(
      this.#waitingSinceMs + QUICK_MS,
      last + this.#pace.groupS * 1000,
      oldestThatCounts === undefined ? -Infinity : oldestThatCounts + HOUR_MS,
      failures > 0 && nextTryMs <= nowMs + RETRY_MOST_MS ? nextTryMs : -Infinity,
    );
  }

  /** @returns what is to be told now; undefined: nothing, or not yet */
  take(nowMs: number): Batch | undefined {
    const dueMs = this.dueMs(nowMs);
    if (dueMs === undefined || nowMs < dueMs) return undefined;
    const { began, over, alerts, leftOut } = this.#state;
    this.#flying = { began, over, alerts, leftOut };
    Object.assign(this.#state, { began: [], over: [], alerts: [], leftOut: 0 });
    this.#waitingSinceMs = undefined;
    return this.#flying;
  }

  sent(nowMs: number): void {
    const flying = this.#flying;
    this.#flying = undefined;
    // Over in this message: told anew when it comes again.
    for (const { key } of flying?.over ?? []) {
      if (this.#state.began.every((one) => one.key !== key)) this.#told.delete(key);
    }
    const { sentMs } = this.#state;
    this.#state.sentMs = [...sentMs.filter((at) => nowMs - at < HOUR_MS && at <= nowMs), nowMs];
    this.#state.failures = 0;
    this.#state.nextTryMs = 0;
  }

  /** What was taken waits again, before what came meanwhile. */
  failed(nowMs: number): void {
    const { began, over, alerts } = this.state;
    const leftOut = this.leftOut;
    this.#flying = undefined;
    this.#state.began = began.slice(0, OUTBOX_LIMITS.matters);
    this.#state.over = over.slice(0, OUTBOX_LIMITS.matters);
    this.#state.alerts = alerts;
    this.#state.leftOut =
      leftOut + (began.length - this.#state.began.length) + (over.length - this.#state.over.length);
    this.#makeRoom();
    this.#waitingSinceMs ??= nowMs;
    this.#state.nextTryMs = nowMs + Math.min(RETRY_FIRST_MS * 2 ** this.#state.failures, RETRY_MOST_MS);
    this.#state.failures = Math.min(this.#state.failures + 1, 1_000);
  }
}

/** What became worse while that it began was under way, in one. */
function joinMatters(before: readonly Matter[], after: readonly Matter[]): Matter[] {
  const isWaiting = ({ key, was }: Matter) => was !== undefined && before.some((one) => one.key === key);
  const joint = before.map((matter) => {
    const worse = after.find((one) => one.key === matter.key && one.was !== undefined);
    return worse === undefined ? matter : joinMatter(matter, worse);
  });
  return [...joint, ...after.filter((matter) => !isWaiting(matter))];
}

/** As it is now; and worse than it was told before, if it was. */
function joinMatter({ was }: Matter, { was: _unsaid, ...now }: Matter): Matter {
  return { ...now, ...(was === undefined ? {} : { was }) };
}

function joinAlerts(before: readonly AlertKind[], after: readonly AlertKind[]): AlertKind[] {
  const all = new Map<string, AlertKind>();
  for (const kind of [...before, ...after]) {
    const same = all.get(kind.key);
    all.set(kind.key, same === undefined ? kind : joined(same, kind));
  }
  return [...all.values()];
}

/** How many of them one sensor said; nobody: none. */
function shareOf(matters: readonly Matter[], sensor: string | undefined): number {
  return sensor === undefined ? 0 : matters.filter((matter) => saidBy(matter) === sensor).length;
}

function countOf(alerts: readonly AlertKind[]): number {
  return alerts.reduce((sum, { count }) => sum + count, 0);
}
