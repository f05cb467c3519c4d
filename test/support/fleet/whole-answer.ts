import { waitFor } from '@bulkhead/platform/kernel';

/** What an answer says of itself that the store may give in part. */
interface PartAnswer {
  /** False: its time was over first. */
  complete?: boolean;
  /** What was counted in a part of the events only. */
  sampled?: readonly unknown[];
}

/** The answer, asked for again when it came in part: what takes a store no time takes some on a machine that is busy. */
export async function wholeAnswer<T>(ask: () => Promise<T>): Promise<T> {
  return waitFor('an answer that is whole', 60_000, async () => {
    const answer = await ask();
    const { complete, sampled = [] } = answer as PartAnswer;
    return complete === false || sampled.length > 0 ? undefined : answer;
  });
}
