import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, type Site } from '@bulkhead/platform/kernel';
import { prepareFleet, type FleetPlace, type FleetProcess, type FleetWords } from './fleet-process.ts';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** Who ran for this long did not end because it was started again. */
const STEADY_MS = 60_000;

/** A fleet on the machine of its sensors. */
export interface RunningFleet {
  /** What the process that runs now, or ran last, said. */
  readonly words: FleetWords;
  readonly logFile: string;
  /** undefined while it is not running. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/**
 * Starts fleetd, and starts it again when it ends by itself: after 1 s, then after twice as long each time, up to a minute. Its
 * sensors go on recording meanwhile.
 * @param say told what happened, one line each
 * @throws BulkheadError START_FLEET_FAILED when it does not come up the first time
 */
export async function openFleet(
  site: Site,
  dir: string,
  adopt: readonly string[],
  say: (text: string) => void,
  from?: string,
): Promise<RunningFleet> {
  const place = await prepareFleet(site, dir, adopt, from);
  return new WatchedFleet(place, await place.launch(), say);
}

/**
 * INVARIANTS: at most one process at a time; after `stop` there is none, and none is started.
 */
class WatchedFleet implements RunningFleet {
  readonly #place: FleetPlace;
  readonly #say: (text: string) => void;
  readonly #over = new AbortController();
  readonly #watch: Promise<void>;
  #process: FleetProcess | undefined;
  #words: FleetWords;

  constructor(place: FleetPlace, first: FleetProcess, say: (text: string) => void) {
    this.#place = place;
    this.#say = say;
    this.#process = first;
    this.#words = first;
    this.#watch = this.#keep(first);
  }

  get words(): FleetWords {
    return this.#words;
  }

  get logFile(): string {
    return this.#place.logFile;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#process?.stop();
    // It may have been about to start another.
    await this.#watch;
  }

  async #keep(first: FleetProcess): Promise<void> {
    let running: FleetProcess | undefined = first;
    let pauseMs = FIRST_PAUSE_MS;
    while (!this.#isOver()) {
      if (running !== undefined) {
        const since = performance.now();
        const how = await running.ended;
        this.#process = undefined;
        if (this.#isOver()) return;
        if (performance.now() - since > STEADY_MS) pauseMs = FIRST_PAUSE_MS;
        this.#say(
          `fleetd ${how}; it is started again in ${String(pauseMs / 1000)} s. The sensors go on recording. Its log: ${this.logFile}`,
        );
      }
      await sleep(pauseMs, undefined, { signal: this.#over.signal }).catch(() => undefined);
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      running = this.#isOver() ? undefined : await this.#again(pauseMs);
    }
    await running?.stop();
  }

  async #again(nextPauseMs: number): Promise<FleetProcess | undefined> {
    try {
      const process = await this.#place.launch();
      this.#process = process;
      this.#words = process;
      const code = process.setUpCode === undefined ? '' : `; the set-up code is now ${process.setUpCode}`;
      if (!this.#isOver()) this.#say(`fleetd runs again, at ${process.url}${code}`);
      return process;
    } catch (error) {
      if (!this.#isOver())
        this.#say(`${describeError(error)} It is tried again in ${String(nextPauseMs / 1000)} s.`);
      return undefined;
    }
  }

  /** Asked afresh each time; the compiler would take a property for unchanged across an await. */
  #isOver(): boolean {
    return this.#over.signal.aborted;
  }
}
