import { BulkheadError, describeError } from '../kernel/index.ts';
import type { DataSource } from './types.ts';

/** What one source said, or why it did not. */
export type Answered<T> = { source: string; value: T } | { source: string; error: string };

/**
 * Asks sources side by side, each at most `timeoutMs`. One that throws or hangs is reported and costs no other its answer.
 * @param ask returns undefined when this source has nothing to say to that.
 */
export async function askAll<T>(
  sources: readonly DataSource[],
  timeoutMs: number,
  ask: (source: DataSource, signal: AbortSignal) => Promise<T> | undefined,
): Promise<Answered<T>[]> {
  const answers = await Promise.all(
    sources.map(async (source): Promise<Answered<T> | undefined> => {
      try {
        const value = await askOne(source, timeoutMs, ask);
        return value === undefined ? undefined : { source: source.name, value };
      } catch (error) {
        return { source: source.name, error: describeError(error).slice(0, 500) };
      }
    }),
  );
  return answers.filter((answer) => answer !== undefined);
}

/** @throws what the source throws, or BulkheadError DATA_SOURCE_SLOW */
export async function askOne<T>(
  source: DataSource,
  timeoutMs: number,
  ask: (source: DataSource, signal: AbortSignal) => Promise<T> | undefined,
): Promise<T | undefined> {
  const aborter = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      aborter.abort();
      reject(
        new BulkheadError({
          code: 'DATA_SOURCE_SLOW',
          message: `${source.name} did not answer within ${String(Math.round(timeoutMs / 1000))} s.`,
          hint: 'It is busy or stuck: look at its log, and ask again.',
          fields: { source: source.name },
        }),
      );
    }, timeoutMs);
  });
  try {
    return await Promise.race([ask(source, aborter.signal), late]);
  } finally {
    clearTimeout(timer);
    aborter.abort();
  }
}
