import { useEffect, useState } from 'preact/hooks';
import type { PageAnswer, PageReader, PageState } from '../src/page-types.ts';
import { ApiError, askState, lookUp, whoAmI } from './api.ts';
import type { Question } from './question.ts';

const POLL_MS = 5_000;

/** What was answered last, and why there is nothing newer. */
export interface Answer<T> {
  data: T | undefined;
  error: ApiError | undefined;
}

/** Who looks; undefined until it is known. */
export function useReader(): PageReader | undefined {
  const [reader, setReader] = useState<PageReader>();
  useEffect(() => {
    const ending = new AbortController();
    whoAmI(ending.signal).then(setReader, () => undefined);
    return () => {
      ending.abort();
    };
  }, []);
  return reader;
}

/** What the instrument is doing, asked again and again while the page can be seen. */
export function useDoing(): Answer<PageState> {
  const [answer, setAnswer] = useState<Answer<PageState>>({ data: undefined, error: undefined });
  useEffect(() => {
    const ending = new AbortController();
    let timer = 0;
    let known = false;
    const look = async () => {
      if (document.visibilityState === 'visible' || !known) {
        try {
          const data = await askState(ending.signal);
          known = true;
          setAnswer({ data, error: undefined });
        } catch (caught) {
          if (ending.signal.aborted) return;
          setAnswer(({ data }) => ({ data, error: asApiError(caught) }));
        }
      }
      timer = setTimeout(() => void look(), POLL_MS);
    };
    void look();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, []);
  return answer;
}

/** What was found; asked anew when the question or `turn` changes. `of` says to which question it belongs. */
export interface Found extends Answer<PageAnswer> {
  of: Question | undefined;
}

export function useLookup(question: Question | undefined, turn: number): Found {
  const [found, setFound] = useState<Found>({ of: undefined, data: undefined, error: undefined });
  useEffect(() => {
    if (question === undefined) return;
    const ending = new AbortController();
    lookUp(question, ending.signal).then(
      (data) => {
        setFound({ of: question, data, error: undefined });
      },
      (caught: unknown) => {
        if (!ending.signal.aborted) setFound({ of: question, data: undefined, error: asApiError(caught) });
      },
    );
    return () => {
      ending.abort();
    };
  }, [question, turn]);
  return found;
}

function asApiError(caught: unknown): ApiError {
  if (caught instanceof ApiError) return caught;
  return new ApiError('PAGE_FAILED', caught instanceof Error ? caught.message : String(caught));
}
