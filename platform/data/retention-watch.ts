import type { DataReport } from './report.ts';

/** What is still wrong is said again after this long. */
const AGAIN_MS = 86_400_000;
/** Most lines that a status shows. */
const MAX_LINES = 20;

export interface RetentionWatchParts {
  publish: (type: 'retention.overdue' | 'retention.clock', record: Record<string, unknown>) => void;
  monotonicMs: () => number;
}

/**
 * Says when data is older than its policy, or older than declared. It deletes nothing: whoever keeps the data does, and a wrong
 * clock must not be able to.
 *
 * INVARIANTS: while the clock is in doubt only that is said. Each finding is published when it appears and once a day.
 */
export class RetentionWatch {
  readonly #parts: RetentionWatchParts;
  readonly #saidAtMs = new Map<string, number>();
  #attention: string[] = [];

  constructor(parts: RetentionWatchParts) {
    this.#parts = parts;
  }

  attention(): string[] {
    return this.#attention;
  }

  /** Takes note of a new report. */
  note(report: DataReport): void {
    const current = new Set<string>();
    if (report.clockDoubt !== undefined) {
      this.#say('clock', current, 'retention.clock', { text: report.clockDoubt });
      this.#forgetAllBut(current);
      this.#attention = [
        `the clock is in doubt: ${report.clockDoubt}; no age is judged (bulkhead data clock --confirm if it is right)`,
      ];
      return;
    }
    const lines: string[] = [];
    for (const { copy, holder, age, policy, findings } of report.copies) {
      for (const { code, text } of findings) {
        lines.push(`data: ${copy} ${text}`);
        if (code !== 'overdue' && code !== 'disagrees') continue;
        const record = {
          copy,
          holder,
          finding: code,
          text,
          ...age,
          ...(policy.days === undefined ? {} : { policyDays: policy.days }),
        };
        this.#say(`${code} ${copy}`, current, 'retention.overdue', record);
      }
    }
    this.#forgetAllBut(current);
    this.#attention = lines.slice(0, MAX_LINES);
  }

  #say(
    key: string,
    current: Set<string>,
    type: 'retention.overdue' | 'retention.clock',
    record: Record<string, unknown>,
  ): void {
    current.add(key);
    const last = this.#saidAtMs.get(key);
    const now = this.#parts.monotonicMs();
    if (last !== undefined && now - last < AGAIN_MS) return;
    this.#saidAtMs.set(key, now);
    this.#parts.publish(type, record);
  }

  #forgetAllBut(current: ReadonlySet<string>): void {
    for (const key of this.#saidAtMs.keys()) if (!current.has(key)) this.#saidAtMs.delete(key);
  }
}
