import { Worker } from 'node:worker_threads';
import { BulkheadError, describeError, type ErrorCode } from '@bulkhead/platform/kernel';
import type { ThreadAnswer, ThreadData, ThreadFault, ThreadRequest } from './worker.ts';

/** The bundle of worker.ts beside the program's own. */
export const WORKER_FILE = 'fleet-events-worker.mjs';

/** What went wrong in SQLite, with its word for it. */
export class StoreFault extends Error {
  readonly code: string;

  constructor({ message, code }: ThreadFault) {
    super(message);
    this.name = 'StoreFault';
    this.code = code ?? '';
  }
}

type Works = Record<string, (...args: never[]) => unknown>;

/**
 * One thread of the store, asked from the main thread.
 *
 * INVARIANTS: requests are answered in their order. When the thread ends, whatever waits for it is rejected, and so is
 * everything later: a new one must be opened.
 */
export class StoreThread<T extends Works> {
  readonly #worker: Worker;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: unknown) => void }
  >();
  #next = 1;
  #ended: Error | undefined;
  readonly #exited: Promise<void>;

  private constructor(file: string, data: ThreadData) {
    // Without the flags of this process: some of them (`--input-type`) a thread that is a file refuses.
    this.#worker = new Worker(file, { workerData: data, name: `fleet-events-${data.role}`, execArgv: [] });
    this.#worker.on('message', (answer: ThreadAnswer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if ('fault' in answer) waiting?.reject(thrown(answer.fault));
      else waiting?.resolve(answer.value);
    });
    this.#worker.on('error', (error) => {
      this.#end(error);
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#end(new Error('the thread of the event store ended'));
        resolve();
      });
    });
  }

  /** @throws StoreFault when the store cannot be opened */
  static async open<T extends Works>(file: string, data: ThreadData): Promise<StoreThread<T>> {
    const thread = new StoreThread<T>(file, data);
    try {
      await thread.#wait(0);
      return thread;
    } catch (error) {
      await thread.end();
      throw error;
    }
  }

  get alive(): boolean {
    return this.#ended === undefined;
  }

  /** @throws StoreFault, or BulkheadError as the work threw it */
  async ask<K extends keyof T & string>(
    work: K,
    ...args: Parameters<T[K]>
  ): Promise<Awaited<ReturnType<T[K]>>> {
    const id = this.#next;
    this.#next += 1;
    const answer = this.#wait(id);
    const request: ThreadRequest = { id, work, args };
    if (this.#ended === undefined) this.#worker.postMessage(request);
    return (await answer) as Awaited<ReturnType<T[K]>>;
  }

  /** Ends the thread at once; what SQLite had not committed is not there. */
  async end(): Promise<void> {
    await this.#worker.terminate();
    await this.#exited;
  }

  #wait(id: number): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}

function thrown(fault: ThreadFault): Error {
  if (fault.code?.startsWith('FLEET_') !== true) return new StoreFault(fault);
  return new BulkheadError({
    code: fault.code as ErrorCode,
    message: fault.message,
    ...(fault.hint === undefined ? {} : { hint: fault.hint }),
    ...(fault.fields === undefined ? {} : { fields: fault.fields }),
  });
}

/** Why something cannot be written, in words for people. */
export function faultText(error: unknown): string {
  const code = error instanceof StoreFault ? error.code : '';
  if (code === 'SQLITE_FULL' || code.includes('ENOSPC')) return 'its disk is full';
  if (code.startsWith('SQLITE_IOERR')) return `its disk cannot be written (${code})`;
  return describeError(error);
}
