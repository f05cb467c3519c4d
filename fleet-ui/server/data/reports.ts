import { BulkheadError, describeError, type Logger } from '@bulkhead/platform/kernel';
import { REPORT_BYTES_MOST, type KeptReport, type ReportBook } from './report-book.ts';
import { readSensorReport, viewOfText, type ReportView } from './sensor-report.ts';

/** Asks a sensor for its report. @throws what the link says */
export type AskReport = (
  sensor: string,
  limits: { maxBytes: number; signal: AbortSignal },
) => Promise<{ status: number; json: unknown }>;

export interface ReportsParts {
  book: ReportBook;
  ask: AskReport;
  isOnline: (sensor: string) => boolean;
  /** Ids of all sensors. */
  sensors: () => readonly string[];
  log: Logger;
  now: () => number;
}

const AT_ONCE = 4;
const TICK_MS = 60_000;
/** Without anybody looking, and when somebody looks. */
const OLD_MS = 60 * 60_000;
const LOOKED_AT_OLD_MS = 60_000;

/**
 * Data reports of all sensors: the newest of each is kept, also when the sensor is away.
 *
 * INVARIANTS: at most {@link AT_ONCE} sensors are asked at the same time and each once; none waits for another beyond that. What is kept
 * was signed by the key that stands beside it. `stop` ends what is under way.
 */
export class Reports {
  readonly #parts: ReportsParts;
  readonly #views = new Map<string, { sha256: string; view: ReportView | undefined }>();
  readonly #waiting = new Set<string>();
  readonly #asked = new Set<string>();
  readonly #problems = new Map<string, { text: string; at: number }>();
  readonly #ending = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: ReportsParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      this.#tidy();
      this.wish(this.#parts.sensors(), OLD_MS);
    }, TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#ending.abort();
    this.#waiting.clear();
  }

  /** Somebody looks at these: whoever is there is asked anew, when what is kept is a minute old. */
  look(sensors: readonly string[]): void {
    this.wish(sensors, LOOKED_AT_OLD_MS);
  }

  wish(sensors: readonly string[], oldMs: number): void {
    const before = this.#parts.now() - oldMs;
    for (const sensor of sensors) {
      if (!this.#parts.isOnline(sensor) || this.#asked.has(sensor)) continue;
      const newest = Math.max(this.#parts.book.get(sensor)?.heard ?? 0, this.#problems.get(sensor)?.at ?? 0);
      if (newest <= before) this.#waiting.add(sensor);
    }
    this.#next();
  }

  isAsked(sensor: string): boolean {
    return this.#asked.has(sensor) || this.#waiting.has(sensor);
  }

  /** What is kept of a sensor, and why the newest question brought nothing. */
  of(sensor: string): { kept?: KeptReport; view?: ReportView; problem?: string } {
    const problem = this.#problems.get(sensor)?.text;
    const kept = this.#parts.book.get(sensor);
    if (kept === undefined) return problem === undefined ? {} : { problem };
    let known = this.#views.get(sensor);
    if (known?.sha256 !== kept.sha256) {
      const text = this.#parts.book.text(sensor);
      known = { sha256: kept.sha256, view: text === undefined ? undefined : viewOfText(text) };
      this.#views.set(sensor, known);
    }
    return {
      kept,
      ...(known.view === undefined ? {} : { view: known.view }),
      ...(problem === undefined ? {} : { problem }),
    };
  }

  #next(): void {
    for (const sensor of this.#waiting) {
      if (this.#asked.size >= AT_ONCE) return;
      this.#waiting.delete(sensor);
      this.#asked.add(sensor);
      void this.#ask(sensor).finally(() => {
        this.#asked.delete(sensor);
        if (!this.#ending.signal.aborted) this.#next();
      });
    }
  }

  async #ask(sensor: string): Promise<void> {
    const { ask, book, log, now } = this.#parts;
    const { signal } = this.#ending;
    try {
      const { status, json } = await ask(sensor, { maxBytes: REPORT_BYTES_MOST, signal });
      // Ended meanwhile: the database may be closed.
      if (signal.aborted) return;
      const read = status === 200 ? readSensorReport(json) : `it answered with ${String(status)}`;
      if (typeof read === 'string') {
        this.#problems.set(sensor, { text: read, at: now() });
        return;
      }
      book.keep(sensor, read.text, read.key, now());
      this.#problems.delete(sensor);
    } catch (error) {
      if (signal.aborted) return;
      log.debug({ err: error, sensor }, 'a sensor did not say what it keeps');
      const text = error instanceof BulkheadError ? error.message : describeError(error);
      this.#problems.set(sensor, { text: text.slice(0, 300), at: now() });
    }
  }

  /** Sensors that are no more. */
  #tidy(): void {
    const known = new Set(this.#parts.sensors());
    for (const sensor of this.#parts.book.sensors()) {
      if (known.has(sensor)) continue;
      this.#parts.book.remove(sensor);
      this.#views.delete(sensor);
    }
    for (const sensor of this.#problems.keys()) if (!known.has(sensor)) this.#problems.delete(sensor);
  }
}
