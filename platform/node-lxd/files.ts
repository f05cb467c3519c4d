import type { Readable } from 'node:stream';
import { LxdError } from './errors.ts';
import { apiPath, type RawAnswer, type Transport } from './transport.ts';

/** Owner and mode of a file inside a container; ids are the container's own. */
export interface FileAttributes {
  uid: number;
  gid: number;
  /** Permission bits, e.g. 0o644. */
  mode: number;
  type: 'file' | 'directory' | 'symlink';
}

/** `/1.0/instances/{name}/files`: files of a container, running or not. Paths are the container's. */
export class Files {
  readonly #transport: Transport;
  readonly #project: string | undefined;

  constructor(transport: Transport, project: string | undefined) {
    this.#transport = transport;
    this.#project = project;
  }

  /** Reads a file of at most `maxBytes` (default 1 MiB). */
  async pull(
    name: string,
    path: string,
    options: { maxBytes?: number; signal?: AbortSignal } = {},
  ): Promise<FileAttributes & { content: Buffer }> {
    const answer = await this.#get(name, path, options);
    const attributes = fileAttributes(answer.headers);
    if (attributes.type === 'directory') {
      throw new LxdError({
        code: 'LXD_BAD_REQUEST',
        message: `${path} in ${name} is a directory.`,
        status: 400,
      });
    }
    return { ...attributes, content: answer.body };
  }

  /** Names in a directory. */
  async list(name: string, path: string): Promise<string[]> {
    const answer = await this.#get(name, path, {});
    if (fileAttributes(answer.headers).type !== 'directory') {
      throw new LxdError({
        code: 'LXD_BAD_REQUEST',
        message: `${path} in ${name} is not a directory.`,
        status: 400,
      });
    }
    const { metadata } = JSON.parse(answer.body.toString('utf8')) as { metadata: string[] | null };
    return metadata ?? [];
  }

  /** Writes a file, makes a directory, or (content = target) a symbolic link. Replaces a file that is there. */
  async push(
    name: string,
    path: string,
    content: string | Buffer | Readable,
    attributes: Partial<FileAttributes> = {},
  ): Promise<void> {
    const type = attributes.type ?? 'file';
    await this.#transport.call({
      method: 'POST',
      path: apiPath('instances', name, 'files'),
      query: { path, project: this.#project },
      body: typeof content === 'string' ? Buffer.from(content) : content,
      headers: {
        'content-type': 'application/octet-stream',
        'x-lxd-type': type,
        'x-lxd-write': 'overwrite',
        'x-lxd-uid': String(attributes.uid ?? 0),
        'x-lxd-gid': String(attributes.gid ?? 0),
        'x-lxd-mode': `0${(attributes.mode ?? (type === 'directory' ? 0o755 : 0o644)).toString(8)}`,
      },
    });
  }

  /** Deletes a file or an empty directory. */
  async delete(name: string, path: string): Promise<void> {
    await this.#transport.call({
      method: 'DELETE',
      path: apiPath('instances', name, 'files'),
      query: { path, project: this.#project },
    });
  }

  async #get(
    name: string,
    path: string,
    options: { maxBytes?: number; signal?: AbortSignal },
  ): Promise<RawAnswer> {
    const call = {
      path: apiPath('instances', name, 'files'),
      query: { path, project: this.#project },
      maxBytes: options.maxBytes ?? 1 << 20,
      signal: options.signal,
    };
    const answer = await this.#transport.raw(call);
    if (answer.status >= 400) await this.#transport.call(call); // throws with the daemon's words
    return answer;
  }
}

/** Owner, mode and type in the headers of a file answer. */
export function fileAttributes(headers: RawAnswer['headers']): FileAttributes {
  const read = (key: string): string => {
    const value = headers[key];
    return typeof value === 'string' ? value : '';
  };
  const type = read('x-lxd-type');
  if (type !== 'file' && type !== 'directory' && type !== 'symlink') {
    throw new LxdError({
      code: 'LXD_BAD_ANSWER',
      message: `The LXD daemon told no known file type: "${type}".`,
    });
  }
  return {
    uid: Number.parseInt(read('x-lxd-uid'), 10),
    gid: Number.parseInt(read('x-lxd-gid'), 10),
    mode: Number.parseInt(read('x-lxd-mode'), 8),
    type,
  };
}
