import type { Fault } from '../src/api/results.ts';
import type { OperationName, OperationRequest, OperationResults } from '../src/api-types.ts';

/** Who looks at this page, as the one who lets people in says. */
export interface Me {
  user: string | null;
  roles: string[];
  canChange: boolean;
}

/** A refusal of the rule manager, or that it did not answer. */
export class ApiError extends Error {
  readonly code: string;
  /** JSON pointer into the request. */
  readonly at: string | undefined;
  readonly faults: readonly Fault[];

  constructor(code: string, message: string, more: { at?: string; faults?: readonly Fault[] } = {}) {
    super(message);
    this.code = code;
    this.at = more.at;
    this.faults = more.faults ?? [];
  }
}

const LATE_MS = 60_000;
/** What only reads is asked by GET: the fleet's audit log takes everything else for a change. */
export const READING: ReadonlySet<string> = new Set<OperationName>([
  'overview',
  'sources.list',
  'sources.catalogue',
  'rules.search',
  'rule.get',
  'documents.list',
  'suppression.preview',
  'changes.list',
  'versions.list',
  'jobs.list',
]);
/** Longer requests do not fit into an address everywhere and go the other way. */
const ADDRESS_MOST = 2_000;

/** @throws ApiError */
export async function call<N extends OperationName>(
  operation: N,
  request: OperationRequest<N>,
  signal?: AbortSignal,
): Promise<OperationResults[N]> {
  const body = JSON.stringify(request);
  const asked = `api/${operation}?request=${encodeURIComponent(body)}`;
  const answer =
    READING.has(operation) && asked.length <= ADDRESS_MOST
      ? await fetched(asked, signal, {})
      : await fetched(`api/${operation}`, signal, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        });
  if (answer['ok'] === true) return answer['result'] as OperationResults[N];
  throw refusal(answer);
}

/** @throws ApiError */
export async function whoAmI(signal?: AbortSignal): Promise<Me> {
  return (await fetched('api/me', signal, {})) as unknown as Me;
}

async function fetched(
  path: string,
  signal: AbortSignal | undefined,
  init: RequestInit,
): Promise<Record<string, unknown>> {
  const late = AbortSignal.timeout(LATE_MS);
  try {
    const response = await fetch(path, {
      ...init,
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
    });
    return (await response.json()) as Record<string, unknown>;
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new ApiError(
      'PAGE_NO_ANSWER',
      'The rule manager does not answer. It is tried again; see `bulkhead status` if this stays.',
    );
  }
}

function refusal(answer: Record<string, unknown>): ApiError {
  const { code, message, at, faults } = answer;
  return new ApiError(
    typeof code === 'string' ? code : 'PAGE_NO_ANSWER',
    typeof message === 'string' ? message : 'The rule manager gave an answer that is not understood.',
    {
      ...(typeof at === 'string' ? { at } : {}),
      ...(Array.isArray(faults) ? { faults: faults as Fault[] } : {}),
    },
  );
}
