import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { LxdError } from './errors.ts';
import type { OperationOptions, Operations } from './operations.ts';
import { apiPath, type Transport } from './transport.ts';
import type { Image, ImageAlias } from './types.ts';

/** How to import an image. */
export interface ImageImport extends OperationOptions {
  /** SHA-256 of the file; the daemon refuses a file that has another. */
  fingerprint?: string;
  aliases?: readonly string[];
}

/** `/1.0/images`. */
export class Images {
  readonly #transport: Transport;
  readonly #operations: Operations;
  readonly #project: string | undefined;

  constructor(transport: Transport, operations: Operations, project: string | undefined) {
    this.#transport = transport;
    this.#operations = operations;
    this.#project = project;
  }

  async list(): Promise<Image[]> {
    const { metadata } = await this.#transport.call({
      path: apiPath('images'),
      query: { recursion: 1, project: this.#project },
    });
    return metadata as Image[];
  }

  /** @throws LxdError LXD_NOT_FOUND */
  async get(fingerprint: string): Promise<Image> {
    const { metadata } = await this.#transport.call({
      path: apiPath('images', fingerprint),
      query: { project: this.#project },
    });
    return metadata as Image;
  }

  /**
   * Sends a unified image tarball (`metadata.yaml` and `rootfs/` in one file). Progress: stage `upload`, then the daemon's.
   * The daemon unpacks it as root: check every entry before.
   * @returns its fingerprint. @throws LxdError LXD_OPERATION_FAILED, also when the project has it already.
   */
  async importFile(path: string, options: ImageImport = {}): Promise<string> {
    const total = (await stat(path)).size;
    const { onProgress } = options;
    let sent = 0;
    let last = -1;
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        sent += chunk.length;
        const percent = total === 0 ? 100 : Math.floor((sent * 100) / total);
        if (percent !== last) {
          last = percent;
          onProgress?.({ stage: 'upload', text: `${String(sent)}/${String(total)} bytes`, percent });
        }
        done(null, chunk);
      },
    });
    const file = createReadStream(path, { highWaterMark: 1 << 18 });
    file.on('error', (error) => counted.destroy(error));
    try {
      const envelope = await this.#transport.call({
        method: 'POST',
        path: apiPath('images'),
        query: { project: this.#project },
        body: file.pipe(counted),
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': String(total),
          'x-lxd-filename': 'image.tar',
          ...(options.fingerprint === undefined ? {} : { 'x-lxd-fingerprint': options.fingerprint }),
        },
        signal: options.signal,
        timeoutMs: 300_000,
      });
      const operation = await this.#operations.finish(envelope, options);
      const fingerprint = operation?.metadata?.['fingerprint'];
      if (typeof fingerprint !== 'string') {
        throw new LxdError({
          code: 'LXD_BAD_ANSWER',
          message: `The LXD daemon told no fingerprint for ${path}.`,
        });
      }
      for (const alias of options.aliases ?? []) await this.createAlias(alias, fingerprint);
      return fingerprint;
    } finally {
      file.destroy();
    }
  }

  /**
   * Lets the daemon download an image from a URL that answers with the headers `LXD-Image-Hash` and `LXD-Image-URL`.
   * @returns its fingerprint.
   */
  async importUrl(url: string, options: OperationOptions = {}): Promise<string> {
    const envelope = await this.#transport.call({
      method: 'POST',
      path: apiPath('images'),
      query: { project: this.#project },
      json: { source: { type: 'url', mode: 'pull', url } },
      signal: options.signal,
      timeoutMs: 60_000,
    });
    const operation = await this.#operations.finish(envelope, options);
    const fingerprint = operation?.metadata?.['fingerprint'];
    return typeof fingerprint === 'string' ? fingerprint : '';
  }

  async delete(fingerprint: string, options: OperationOptions = {}): Promise<void> {
    const envelope = await this.#transport.call({
      method: 'DELETE',
      path: apiPath('images', fingerprint),
      query: { project: this.#project },
      signal: options.signal,
    });
    await this.#operations.finish(envelope, options);
  }

  async aliases(): Promise<ImageAlias[]> {
    const { metadata } = await this.#transport.call({
      path: apiPath('images', 'aliases'),
      query: { recursion: 1, project: this.#project },
    });
    return metadata as ImageAlias[];
  }

  async createAlias(name: string, target: string, description = ''): Promise<void> {
    await this.#transport.call({
      method: 'POST',
      path: apiPath('images', 'aliases'),
      query: { project: this.#project },
      json: { name, target, description },
    });
  }

  async deleteAlias(name: string): Promise<void> {
    await this.#transport.call({
      method: 'DELETE',
      path: apiPath('images', 'aliases', name),
      query: { project: this.#project },
    });
  }
}
