import type { PageAnswer, PageReader, PageState } from '../src/page-types.ts';
import type { Question } from './question.ts';

/** A refusal of the instrument, or that it did not answer. */
export class ApiError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const LATE_MS = 30_000;

/** @throws ApiError */
export async function whoAmI(signal: AbortSignal): Promise<PageReader> {
  return (await fetched('api/me', signal)) as unknown as PageReader;
}

/** @throws ApiError */
export async function askState(signal: AbortSignal): Promise<PageState> {
  return (await asked('api/state', signal)) as PageState;
}

/** @throws ApiError */
export async function lookUp({ kind, text }: Question, signal: AbortSignal): Promise<PageAnswer> {
  return (await asked(`api/lookup?${kind}=${encodeURIComponent(text)}`, signal)) as PageAnswer;
}

async function asked(path: string, signal: AbortSignal): Promise<unknown> {
  const { ok, result, code, message } = await fetched(path, signal);
  if (ok === true) return result;
  throw new ApiError(
    typeof code === 'string' ? code : 'PAGE_NO_ANSWER',
    typeof message === 'string' ? message : 'Passive DNS gave an answer that is not understood.',
  );
}

async function fetched(path: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  try {
    const response = await fetch(path, { signal: AbortSignal.any([signal, AbortSignal.timeout(LATE_MS)]) });
    return (await response.json()) as Record<string, unknown>;
  } catch (error) {
    if (signal.aborted) throw error;
    const message = 'Passive DNS does not answer. See `bulkhead status` at the sensor if this stays.';
    throw new ApiError('PAGE_NO_ANSWER', message);
  }
}
