/** Of how many signs the one that came fastest is taken. */
const SIGNS = 16;

/** From how far on a clock counts as wrong. Certificates, one-time codes and the order of events suffer from there on. */
export const CLOCK_TOLERANCE_MS = 5_000;

/**
 * How far a sensor's clock is ahead of the fleet's, from the times that its messages state. A message is always older than it
 * says when it arrives, so the largest of the last few differences is the one with the least delay in it.
 */
export class ClockDifference {
  readonly #differences: number[] = [];
  #next = 0;

  /** @param statedMs what the sensor's clock said; @param fleetMs what the fleet's says on arrival. Since 1970. */
  note(statedMs: number, fleetMs: number): void {
    if (!Number.isSafeInteger(statedMs) || statedMs <= 0) return;
    this.#differences[this.#next] = Math.round(statedMs - fleetMs);
    this.#next = (this.#next + 1) % SIGNS;
  }

  /** Milliseconds; positive = the sensor's clock is ahead. Undefined until it said the time. */
  get differenceMs(): number | undefined {
    return this.#differences.length === 0 ? undefined : Math.max(...this.#differences);
  }
}
