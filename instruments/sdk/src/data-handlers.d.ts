import type { CommandServer } from './commands.ts';
/** One kind of data that an instrument keeps beyond the moment. Times are ISO 8601. */
export interface KeptCopy {
  /** `^[a-z0-9][a-z0-9._-]{0,62}$`, unique in the instrument. */
  name: string;
  /** What it is, in words; at most 200 characters. */
  what: string;
  records?: number;
  bytes?: number;
  oldest?: string;
  newest?: string;
  /** Days after which the instrument deletes it; absent: no limit by age. */
  policyDays?: number;
}
/** Whose data: exactly one of the two. */
export type DataSubject =
  | {
      address: string;
      name?: undefined;
    }
  | {
      name: string;
      address?: undefined;
    };
/** Records about a subject in one copy. */
export interface FoundRecords {
  /** Name of a {@link KeptCopy}. */
  copy: string;
  records: number;
  oldest?: string;
  newest?: string;
}
/** What an instrument does about data of a subject; see {@link Instrument.onData}. */
export interface DataHandlers {
  /** Everything that is kept about the subject; copies without records may be left out. At most 64 are sent. */
  find(subject: DataSubject): Promise<readonly FoundRecords[]> | readonly FoundRecords[];
  /**
   * Deletes it, but for what is held. The same `requestId` again must not fail.
   * @returns how many records were deleted
   */
  purge(subject: DataSubject, requestId: string): Promise<number> | number;
  /** Keeps it from retention and purge until it is released. Must survive a restart; may be told again. */
  hold(subject: DataSubject, hold: boolean): Promise<void> | void;
}
/** Answers `control.<name>.retention`. */
export declare function answerRetention(
  commands: CommandServer,
  report: () => Promise<readonly KeptCopy[]> | readonly KeptCopy[],
): void;
/** Answers `control.<name>.data.find`, `data.purge` and `data.hold`. */
export declare function answerData(commands: CommandServer, { find, purge, hold }: DataHandlers): void;
