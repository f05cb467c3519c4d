/** Events by type. */
export type Counts = Record<string, number>;

/** `host`: the instrument's configuration without the sensor; `debian`: as Debian installs it. */
export type SideName = 'sensor' | 'host' | 'debian';

/** One way to run Suricata on the same traffic. */
export interface Side {
  name: SideName;
  /** Sends a capture once and gives Suricata `SETTLE_MS` to finish. */
  round(capture: string, packetsPerSecond: number): Promise<Round>;
  /** Waits until Suricata has counted all rounds, lets it write its flows out and counts every event. */
  finish(): Promise<Result>;
  remove(): Promise<void>;
}

/** What one round took. */
export interface Round {
  packets: number;
  /** Processor time of the Suricata process, all its threads, from the first packet until `SETTLE_MS` after the last. */
  suricataNs: number;
}

/** What came of all rounds. */
export interface Result {
  /** Sent, and not seen by Suricata's decoder. */
  lost: number;
  events: Counts;
}

/** After the last packet of a round; far longer than a capture block (10 ms) waits. */
export const SETTLE_MS = 1_500;
