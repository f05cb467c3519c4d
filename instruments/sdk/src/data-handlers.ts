import { InstrumentError } from './errors.ts';
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
export type DataSubject = { address: string; name?: undefined } | { name: string; address?: undefined };

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

/** Most copies and matches that one reply holds. */
const MAX_ENTRIES = 64;
const MAX_SUBJECT = 255;

/** Answers `control.<name>.retention`. */
export function answerRetention(
  commands: CommandServer,
  report: () => Promise<readonly KeptCopy[]> | readonly KeptCopy[],
): void {
  commands.onControl('retention', async () => {
    const copies = await report();
    return {
      copies: copies.slice(0, MAX_ENTRIES).map((copy) => ({ ...copy, what: copy.what.slice(0, 200) })),
    };
  });
}

/** Answers `control.<name>.data.find`, `data.purge` and `data.hold`. */
export function answerData(commands: CommandServer, handlers: DataHandlers): void {
  commands.onControl('data.find', async (payload) => ({
    matches: (await handlers.find(subjectOf(payload))).slice(0, MAX_ENTRIES),
  }));
  commands.onControl('data.purge', async (payload) => {
    const { requestId } = payload as { requestId?: unknown };
    if (typeof requestId !== 'string' || requestId.length > 64) throw invalid('requestId is missing');
    return { deleted: await handlers.purge(subjectOf(payload), requestId) };
  });
  commands.onControl('data.hold', async (payload) => {
    const { hold: held } = payload as { hold?: unknown };
    if (typeof held !== 'boolean') throw invalid('hold is neither true nor false');
    await handlers.hold(subjectOf(payload), held);
    return { ok: true };
  });
}

function subjectOf(payload: unknown): DataSubject {
  const { address, name } = (payload ?? {}) as { address?: unknown; name?: unknown };
  if (isShort(address) && name === undefined) return { address };
  if (isShort(name) && address === undefined) return { name };
  throw invalid('either address or name is needed');
}

function isShort(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_SUBJECT;
}

function invalid(message: string): InstrumentError {
  return new InstrumentError({ code: 'BUS_COMMAND_FAILED', message, fields: {} });
}
