import { LxdError } from './errors.ts';
import { openEvents } from './events.ts';
import { apiPath, type Envelope, type Transport } from './transport.ts';
import type { Operation, Progress } from './types.ts';

/** How to wait for what the daemon does in the background. */
export interface OperationOptions {
  /** Abort: the daemon is asked to cancel the operation (DELETE), and the wait ends with LXD_ABORTED. */
  signal?: AbortSignal | undefined;
  /** Give up waiting after this long (LXD_TIMEOUT; the daemon is asked to cancel). Default 5 min. */
  timeoutMs?: number;
  onProgress?: (progress: Progress) => void;
}

/** `/1.0/operations`: what the daemon does in the background. */
export class Operations {
  readonly #transport: Transport;
  readonly #project: string | undefined;

  constructor(transport: Transport, project: string | undefined) {
    this.#transport = transport;
    this.#project = project;
  }

  /** All running and just finished ones of the project. */
  async list(): Promise<Operation[]> {
    const { metadata } = await this.#transport.call({
      path: apiPath('operations'),
      query: { recursion: 1, project: this.#project },
    });
    return Object.values((metadata ?? {}) as Record<string, Operation[]>).flat();
  }

  /** @throws LxdError LXD_NOT_FOUND: the daemon forgets operations some seconds after their end. */
  async get(id: string): Promise<Operation> {
    const { metadata } = await this.#transport.call({ path: apiPath('operations', id) });
    return metadata as Operation;
  }

  /** Asks to cancel. @throws LxdError LXD_BAD_REQUEST when this kind cannot be cancelled. */
  async cancel(id: string): Promise<void> {
    await this.#transport.call({ method: 'DELETE', path: apiPath('operations', id) });
  }

  /**
   * Waits for the end.
   * @returns the finished operation. @throws LxdError LXD_OPERATION_FAILED with the daemon's words,
   * LXD_OPERATION_CANCELLED (by somebody else), LXD_ABORTED (by `signal`), LXD_TIMEOUT.
   */
  async wait(id: string, options: OperationOptions = {}): Promise<Operation> {
    const deadline = AbortSignal.timeout(options.timeoutMs ?? 300_000);
    const stop = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
    const progress =
      options.onProgress === undefined ? undefined : await this.#follow(id, options.onProgress);
    try {
      for (;;) {
        const operation = await this.#waitOnce(id, stop);
        if (operation !== undefined) return judge(operation);
      }
    } catch (error) {
      if (!stop.aborted) throw error;
      const cancelled = await this.#tryCancel(id);
      const after = cancelled ? 'it was cancelled' : 'it cannot be cancelled and goes on in the daemon';
      throw new LxdError({
        code: options.signal?.aborted === true ? 'LXD_ABORTED' : 'LXD_TIMEOUT',
        message: `Waiting for LXD operation ${id} ended early; ${after}.`,
        cause: error,
      });
    } finally {
      progress?.close();
    }
  }

  /** Waits for the operation of an async answer; a sync answer has none and is done. */
  async finish(envelope: Envelope, options: OperationOptions = {}): Promise<Operation | undefined> {
    if (envelope.type === 'sync') return undefined;
    return this.wait(operationId(envelope), options);
  }

  /** One long poll of 10 s; undefined when it goes on. The client's own time-out is longer than the daemon's. */
  async #waitOnce(id: string, signal: AbortSignal): Promise<Operation | undefined> {
    const { metadata } = await this.#transport.call({
      path: `${apiPath('operations', id)}/wait`,
      query: { timeout: 10 },
      signal,
      timeoutMs: 40_000,
    });
    const operation = metadata as Operation;
    return operation.status_code >= 200 ? operation : undefined;
  }

  async #tryCancel(id: string): Promise<boolean> {
    try {
      await this.cancel(id);
      return true;
    } catch {
      return false;
    }
  }

  async #follow(id: string, onProgress: (progress: Progress) => void) {
    return openEvents(this.#transport, undefined, {
      types: ['operation'],
      allProjects: true,
      onEvent: (event) => {
        if (event.type !== 'operation' || event.metadata.id !== id) return;
        for (const progress of progressOf(event.metadata)) onProgress(progress);
      },
    });
  }
}

/** The id in `/1.0/operations/<id>` of an async answer. */
export function operationId(envelope: Envelope): string {
  const id = /^\/1\.0\/operations\/([0-9a-f-]{36})(?:\?.*)?$/.exec(envelope.operation)?.[1];
  if (id === undefined) {
    throw new LxdError({
      code: 'LXD_BAD_ANSWER',
      message: `The LXD daemon named an operation that is none: ${envelope.operation.slice(0, 80)}`,
    });
  }
  return id;
}

/**
 * What an operation's metadata says about its progress: keys that end in `_progress`, whose text holds a percentage
 * for most stages (`api.Operation.metadata`, not written down anywhere else).
 */
export function progressOf(operation: Pick<Operation, 'metadata'>): Progress[] {
  return Object.entries(operation.metadata ?? {})
    .filter(
      (entry): entry is [string, string] => entry[0].endsWith('_progress') && typeof entry[1] === 'string',
    )
    .map(([stage, text]) => {
      const percent = /(\d{1,3})%/.exec(text)?.[1];
      return { stage, text, percent: percent === undefined ? undefined : Number(percent) };
    });
}

/** Throws for an operation that ended badly. */
function judge(operation: Operation): Operation {
  if (operation.status_code === 200) return operation;
  if (operation.status_code === 401) {
    throw new LxdError({
      code: 'LXD_OPERATION_CANCELLED',
      message: `LXD operation "${operation.description}" was cancelled.`,
      status: operation.status_code,
    });
  }
  throw new LxdError({
    code: 'LXD_OPERATION_FAILED',
    message: `LXD operation "${operation.description}" failed: ${operation.err}`,
    status: operation.status_code,
  });
}
