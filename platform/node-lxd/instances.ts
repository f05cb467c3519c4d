import { execRecorded, execStreaming, type ExecOptions, type ExecResult } from './exec.ts';
import { isLxdError } from './errors.ts';
import type { OperationOptions, Operations } from './operations.ts';
import { apiPath, type Transport } from './transport.ts';
import type {
  Instance,
  InstanceCreate,
  InstanceFull,
  InstancePut,
  InstanceState,
  InstanceStateChange,
} from './types.ts';

/** `/1.0/instances`. Changes resolve when the daemon has finished them. */
export class Instances {
  readonly #transport: Transport;
  readonly #operations: Operations;
  readonly #project: string | undefined;

  constructor(transport: Transport, operations: Operations, project: string | undefined) {
    this.#transport = transport;
    this.#operations = operations;
    this.#project = project;
  }

  /** All of the project. */
  async list(): Promise<Instance[]> {
    return (await this.#get(apiPath('instances'), { recursion: 1 })) as Instance[];
  }

  /** All of the project with their state. */
  async listFull(): Promise<InstanceFull[]> {
    return (await this.#get(apiPath('instances'), { recursion: 2 })) as InstanceFull[];
  }

  /** All of every project on this daemon. */
  async listEverywhere(): Promise<Instance[]> {
    const { metadata } = await this.#transport.call({
      path: apiPath('instances'),
      query: { recursion: 1, 'all-projects': true },
    });
    return metadata as Instance[];
  }

  /** @throws LxdError LXD_NOT_FOUND */
  async get(name: string): Promise<Instance> {
    return (await this.#get(apiPath('instances', name))) as Instance;
  }

  /** With the tag that makes a following `put` or `patch` fail (LXD_CHANGED) when somebody else was faster. */
  async getTagged(name: string): Promise<{ instance: Instance; etag: string | undefined }> {
    const answer = await this.#transport.call({
      path: apiPath('instances', name),
      query: { project: this.#project },
    });
    return { instance: answer.metadata as Instance, etag: answer.etag };
  }

  /** @throws LxdError LXD_NOT_FOUND */
  async state(name: string): Promise<InstanceState> {
    return (await this.#get(apiPath('instances', name, 'state'))) as InstanceState;
  }

  /** Makes a stopped container. @throws LxdError LXD_CONFLICT/LXD_BAD_REQUEST/LXD_FORBIDDEN with the daemon's reason. */
  async create(instance: InstanceCreate, options: OperationOptions = {}): Promise<void> {
    await this.#change('POST', apiPath('instances'), { type: 'container', ...instance }, options);
  }

  /** Replaces configuration, devices and profiles. */
  async put(
    name: string,
    instance: InstancePut,
    options: OperationOptions & { etag?: string } = {},
  ): Promise<void> {
    await this.#change('PUT', apiPath('instances', name), instance, options);
  }

  /** Adds or changes only the given keys. */
  async patch(
    name: string,
    changes: Partial<InstancePut>,
    options: OperationOptions & { etag?: string } = {},
  ): Promise<void> {
    await this.#change('PATCH', apiPath('instances', name), changes, options);
  }

  /** Deletes a stopped container. */
  async delete(name: string, options: OperationOptions = {}): Promise<void> {
    await this.#change('DELETE', apiPath('instances', name), undefined, options);
  }

  /** Starts, stops, restarts, freezes. */
  async setState(name: string, change: InstanceStateChange, options: OperationOptions = {}): Promise<void> {
    await this.#change('PUT', apiPath('instances', name, 'state'), change, options);
  }

  /** Runs a program inside; standard input, bounded output, killed on abort. */
  async exec(name: string, options: ExecOptions): Promise<ExecResult> {
    return execStreaming(this.#transport, this.#operations, this.#project, name, options);
  }

  /** Runs a program inside; the daemon records its output in files (unbounded there), fetched and deleted. */
  async execRecorded(name: string, options: Omit<ExecOptions, 'stdin'>): Promise<ExecResult> {
    return execRecorded(this.#transport, this.#operations, this.#project, name, options);
  }

  /** What PID 1 wrote to its console, as far as the daemon kept it (128 KiB ring). */
  async consoleLog(name: string): Promise<string> {
    try {
      return await this.#text(apiPath('instances', name, 'console'));
    } catch (error) {
      // The daemon's words for a container that has not written anything yet.
      if (isLxdError(error) && error.message.includes('no such file or directory')) return '';
      throw error;
    }
  }

  /** One of the daemon's own logs about a container: `lxc.log` says why it did not start. */
  async logFile(name: string, file: string): Promise<string> {
    return this.#text(apiPath('instances', name, 'logs', file));
  }

  /** The first 4 MiB of a text. */
  async #text(path: string): Promise<string> {
    const { body } = await this.#transport.stream({ path, query: { project: this.#project } });
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (size < 4 << 20) chunks.push(chunk);
      size += chunk.length;
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  /** Empties the console log. */
  async clearConsoleLog(name: string): Promise<void> {
    await this.#change('DELETE', apiPath('instances', name, 'console'), undefined, {});
  }

  async #get(path: string, query: Record<string, number> = {}): Promise<unknown> {
    const { metadata } = await this.#transport.call({ path, query: { project: this.#project, ...query } });
    return metadata;
  }

  async #change(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    json: unknown,
    options: OperationOptions & { etag?: string },
  ): Promise<void> {
    const envelope = await this.#transport.call({
      method,
      path,
      query: { project: this.#project },
      ...(json === undefined ? {} : { json }),
      ...(options.etag === undefined ? {} : { headers: { 'if-match': options.etag } }),
      signal: options.signal,
      timeoutMs: 120_000,
    });
    await this.#operations.finish(envelope, options);
  }
}
