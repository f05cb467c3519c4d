import type { LedgerLine, LedgerSettings, LossAlarm } from '../contracts/index.ts';
import { keyOf, linesBetween, type Snapshot } from './ledger-history.ts';
import { sum } from './ledger-lines.ts';

/** Losses are told of what came in within this time. */
const WINDOW_MS = 60_000;
/** An alarm ends when the loss stays below half of its threshold for so many looks. */
const CALM = 3;

/** A change that people are told. */
export interface LossChange {
  type: 'loss.threshold' | 'loss.ended';
  alarm: LossAlarm;
}

/** What to look at, by stage. */
const HINTS: Readonly<Record<LossAlarm['stage'], string>> = {
  nic: 'the NIC or its driver cannot keep up: look at its ring size and at the load of the machine',
  guard: 'no capture engine is linked: `bulkhead status` says why',
  'capture-link': 'the capture engine does not take what it is sent: `bulkhead status` says how it is',
  'capture-engine': 'the capture engine does not forward: `bulkhead logs` shows what it says',
  'fan-out': 'frames are larger than a mirror port takes, or the packet program is gone',
  'mirror-port': 'the copies find no room: the machine is overloaded',
  tool: 'the tool cannot keep up: give it more processors or fewer rules, or filter its mirror port',
  publish: 'events are thrown away: look at the bus and at what the instrument may publish',
  bus: 'the bus refuses events: its stream may be full, or a type is not granted',
  stream: 'the stream is full: `bulkhead ledger` shows how large it is',
  store: 'stored messages cannot be read: the log of the sensor says which',
};

/**
 * Tells losses that pass a threshold, and when they are over.
 *
 * INVARIANTS: `look` is called with rising times by one caller; an alarm is told once when it begins and once when it ends;
 * only the snapshots of the last minute are held.
 */
export class LossWatch {
  readonly #alarms = new Map<string, { alarm: LossAlarm; calm: number }>();
  #recent: Snapshot[] = [];

  get alarms(): LossAlarm[] {
    return [...this.#alarms.values()].map(({ alarm }) => alarm);
  }

  /** @param settings of the line; undefined = its losses are not judged now. */
  look(snapshot: Snapshot, settings: (line: LedgerLine) => LedgerSettings | undefined): LossChange[] {
    const { atMs, lines } = snapshot;
    this.#recent = [
      ...this.#recent.filter((old) => old.atMs > atMs - WINDOW_MS - 1 && old.atMs < atMs),
      snapshot,
    ];
    const changes = lines.flatMap((line) => {
      const grown = this.#grown(line, snapshot);
      return grown === undefined ? [] : this.#judge(grown, settings(line), atMs);
    });
    // What is not there any more loses nothing.
    const there = new Set(lines.map(keyOf));
    for (const [key, { alarm }] of this.#alarms) {
      if (there.has(key)) continue;
      this.#alarms.delete(key);
      changes.push({ type: 'loss.ended', alarm });
    }
    return changes;
  }

  /** What a line counted within the window; undefined = it is seen for the first time, or began anew. */
  #grown(line: LedgerLine, snapshot: Snapshot): LedgerLine | undefined {
    const key = keyOf(line);
    for (const old of this.#recent) {
      const before = old === snapshot ? undefined : old.lines.find((one) => keyOf(one) === key);
      if (before !== undefined) return line.in < before.in ? undefined : linesBetween([before], [line])[0];
    }
    return undefined;
  }

  #judge(line: LedgerLine, settings: LedgerSettings | undefined, atMs: number): LossChange[] {
    const key = keyOf(line);
    const standing = this.#alarms.get(key);
    const lost = settings === undefined ? 0 : sum(line.lost);
    const percent = lost <= 0 ? 0 : (100 * lost) / Math.max(line.in, lost);
    const bad =
      settings !== undefined && lost >= settings.minimumPackets && percent >= settings.thresholdPercent;
    if (standing === undefined) {
      if (!bad) return [];
      const alarm = alarmOf(line, lost, percent, new Date(atMs).toISOString());
      this.#alarms.set(key, { alarm, calm: 0 });
      return [{ type: 'loss.threshold', alarm }];
    }
    if (bad) standing.alarm = alarmOf(line, lost, percent, standing.alarm.since);
    const quiet = lost === 0 || (!bad && percent < (settings?.thresholdPercent ?? 0) / 2);
    standing.calm = quiet ? standing.calm + 1 : 0;
    if (standing.calm < CALM) return [];
    this.#alarms.delete(key);
    return [{ type: 'loss.ended', alarm: standing.alarm }];
  }
}

function alarmOf(line: LedgerLine, lost: number, percent: number, since: string): LossAlarm {
  const { stage, name, monitor, unit } = line;
  const of = Math.max(line.in, lost);
  const why = Object.entries(line.lost)
    .map(([reason, count]) => `${reason} ${String(count)}`)
    .join(', ');
  return {
    stage,
    name,
    ...(monitor === undefined ? {} : { monitor }),
    since,
    lost,
    of,
    percent: Math.round(percent * 100) / 100,
    reasons: line.lost,
    text: `${percent.toFixed(percent < 10 ? 1 : 0)} % of the ${unit} are lost at ${stage} ${name} (${String(lost)} of ${String(of)} within a minute: ${why}): ${HINTS[stage]}`,
  };
}
