import { parentPort, workerData } from 'node:worker_threads';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { openReader } from './reader.ts';
import { openWriter } from './writer.ts';

/** What a thread is started with. */
export interface ThreadData {
  role: 'writer' | 'reader';
  dir: string;
  /** File of SQLite's native part; undefined: where npm put it. */
  nativeBinding: string | undefined;
}

export interface ThreadRequest {
  id: number;
  work: string;
  args: unknown[];
}

/** A fault as it crosses between threads. */
export interface ThreadFault {
  message: string;
  code?: string;
  hint?: string;
  fields?: Record<string, string | number | boolean | undefined>;
}

/** The answer to a request; `id` 0 says whether the store could be opened. */
export type ThreadAnswer = { id: number; value: unknown } | { id: number; fault: ThreadFault };

/** Entry of a thread's bundle: opens the store, then answers one request after the other. */
export function main(): void {
  const port = parentPort;
  if (port === null) throw new Error('this program runs as a thread of fleetd');
  const answer = (message: ThreadAnswer): void => {
    port.postMessage(message);
  };
  const data = workerData as ThreadData;
  let works: Record<string, ((...args: never[]) => unknown) | undefined>;
  try {
    works = data.role === 'writer' ? openWriter(data) : openReader(data);
    answer({ id: 0, value: undefined });
  } catch (error) {
    answer({ id: 0, fault: faultOf(error) });
    return;
  }
  port.on('message', ({ id, work, args }: ThreadRequest) => {
    const done = async (): Promise<unknown> => works[work]?.(...(args as never[]));
    void done()
      .then(
        (value) => {
          answer({ id, value });
        },
        (error: unknown) => {
          answer({ id, fault: faultOf(error) });
        },
      )
      .finally(() => {
        if (work === 'close') port.close();
      });
  });
}

function faultOf(error: unknown): ThreadFault {
  if (error instanceof BulkheadError) return error.toJSON();
  const { code } = error as { code?: unknown };
  return {
    message: error instanceof Error ? error.message : String(error),
    ...(typeof code === 'string' ? { code } : {}),
  };
}
