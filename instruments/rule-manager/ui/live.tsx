import { createContext, type ComponentChildren } from 'preact';
import { useCallback, useContext, useEffect, useRef, useState } from 'preact/hooks';
import type { OperationName, OperationRequest, OperationResults, Overview } from '../src/api-types.ts';
import { ApiError, call, whoAmI, type Me } from './api.ts';

const POLL_MS = 3_000;
const POLL_DURING_JOB_MS = 1_000;
/** Until it is known who looks. */
export const NOBODY: Me = { user: null, roles: [], canChange: false };

/** What every page knows. */
interface Live {
  me: Me;
  overview: Overview | undefined;
  /** Why there is nothing newer. */
  error: ApiError | undefined;
  /** Changes whenever what is shown may have changed. */
  generation: number;
  /** Looks at once. */
  refresh: () => void;
}

const LiveContext = createContext<Live>({
  me: NOBODY,
  overview: undefined,
  error: undefined,
  generation: 0,
  refresh: () => undefined,
});

export function useLive(): Live {
  return useContext(LiveContext);
}

/** Asks for the overview again and again while the page can be seen. */
export function LiveData({ children }: { children: ComponentChildren }) {
  const [me, setMe] = useState(NOBODY);
  const [overview, setOverview] = useState<Overview>();
  const [error, setError] = useState<ApiError>();
  const [nudge, setNudge] = useState(0);
  const busy = useRef(false);

  useEffect(() => {
    const ending = new AbortController();
    let timer = 0;
    const look = async () => {
      if (document.visibilityState === 'visible' || overview === undefined) {
        try {
          const now = await call('overview', {}, ending.signal);
          busy.current = now.job !== undefined && now.job.endedAt === undefined;
          setOverview(now);
          setError(undefined);
        } catch (caught) {
          if (ending.signal.aborted) return;
          setError(asApiError(caught));
        }
      }
      timer = setTimeout(() => void look(), busy.current ? POLL_DURING_JOB_MS : POLL_MS);
    };
    void look();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [nudge]);

  useEffect(() => {
    const ending = new AbortController();
    whoAmI(ending.signal).then(setMe, () => undefined);
    return () => {
      ending.abort();
    };
  }, []);

  const refresh = useCallback(() => {
    setNudge((count) => count + 1);
  }, []);
  const generation = (overview?.generation ?? 0) + nudge * 1e9;
  return <LiveContext value={{ me, overview, error, generation, refresh }}>{children}</LiveContext>;
}

/** What an operation answered; kept while it is asked anew, so that nothing flickers. */
export interface Answer<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
}

/**
 * Asks an operation that changes nothing, again whenever the request or anything behind it changed. `undefined` as request:
 * does not ask.
 */
export function useAsk<N extends OperationName>(
  operation: N,
  request: OperationRequest<N> | undefined,
  options: { delayMs?: number } = {},
): Answer<OperationResults[N]> {
  const { generation } = useLive();
  const [answer, setAnswer] = useState<Answer<OperationResults[N]>>({
    data: undefined,
    error: undefined,
    loading: request !== undefined,
  });
  const key = request === undefined ? undefined : JSON.stringify(request);
  const asked = useRef<string>();
  useEffect(() => {
    if (key === undefined) {
      asked.current = undefined;
      setAnswer({ data: undefined, error: undefined, loading: false });
      return;
    }
    const ending = new AbortController();
    setAnswer((before) => ({ ...before, loading: true }));
    const delayMs = asked.current === key ? 0 : (options.delayMs ?? 0);
    const timer = setTimeout(() => {
      asked.current = key;
      call(operation, JSON.parse(key) as OperationRequest<N>, ending.signal).then(
        (data) => {
          if (!ending.signal.aborted) setAnswer({ data, error: undefined, loading: false });
        },
        (caught: unknown) => {
          if (!ending.signal.aborted)
            setAnswer((before) => ({ data: before.data, error: asApiError(caught), loading: false }));
        },
      );
    }, delayMs);
    return () => {
      clearTimeout(timer);
      ending.abort();
    };
  }, [operation, key, generation]);
  return answer;
}

/** A change on its way, with its refusal. */
export interface Doing {
  busy: boolean;
  error: ApiError | undefined;
  /** Runs a change; true when it was accepted. Everything shown is asked for anew then. */
  run: (change: () => Promise<unknown>) => Promise<boolean>;
  clear: () => void;
}

export function useChange(): Doing {
  const { refresh } = useLive();
  const [state, setState] = useState<{ busy: boolean; error: ApiError | undefined }>({
    busy: false,
    error: undefined,
  });
  const run = async (change: () => Promise<unknown>) => {
    setState({ busy: true, error: undefined });
    try {
      await change();
      setState({ busy: false, error: undefined });
      refresh();
      return true;
    } catch (caught) {
      setState({ busy: false, error: asApiError(caught) });
      return false;
    }
  };
  const clear = () => {
    setState({ busy: false, error: undefined });
  };
  return { ...state, run, clear };
}

function asApiError(caught: unknown): ApiError {
  if (caught instanceof ApiError) return caught;
  return new ApiError('PAGE_FAILED', caught instanceof Error ? caught.message : String(caught));
}
