import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { isLxdError, type LxdClient } from '@bulkhead/node-lxd';
import { BulkheadError, type Logger } from '../kernel/index.ts';

/**
 * Brings image files into the project, once each.
 *
 * INVARIANTS: calls for the same content are joined; the daemon compares the bytes that it receives with the fingerprint
 * that we computed, so a file exchanged in between is refused and not imported.
 */
export class ImageStore {
  readonly #lxd: LxdClient;
  readonly #log: Logger;
  readonly #running = new Map<string, Promise<void>>();

  constructor(lxd: LxdClient, log: Logger) {
    this.#lxd = lxd;
    this.#log = log;
  }

  /**
   * @param file a unified LXD image tarball whose entries were checked: the daemon unpacks it as root.
   * @param expected the fingerprint (SHA-256) that was checked, if known.
   * @throws BulkheadError RUNTIME_IMAGE_CHANGED
   */
  async ensure(file: string, expected?: string): Promise<string> {
    // What the daemon has under this fingerprint is that content, whatever became of the file.
    if (expected !== undefined && (await this.#has(expected))) return expected;
    const fingerprint = await sha256(file);
    if (expected !== undefined && expected !== fingerprint) {
      throw new BulkheadError({
        code: 'RUNTIME_IMAGE_CHANGED',
        message: `The image ${file} is not the one that was checked: ${fingerprint.slice(0, 12)} instead of ${expected.slice(0, 12)}.`,
        hint: 'Build or fetch the image again.',
        fields: { path: file },
      });
    }
    let running = this.#running.get(fingerprint);
    if (running === undefined) {
      running = this.#import(file, fingerprint).finally(() => this.#running.delete(fingerprint));
      this.#running.set(fingerprint, running);
    }
    await running;
    return fingerprint;
  }

  async #import(file: string, fingerprint: string): Promise<void> {
    if (await this.#has(fingerprint)) return;
    try {
      await this.#lxd.images.importFile(file, { fingerprint });
      this.#log.info({ file, fingerprint }, 'image imported');
    } catch (error) {
      // Another process may have imported the same content meanwhile.
      if (!isLxdError(error, 'LXD_OPERATION_FAILED', 'LXD_CONFLICT', 'LXD_BAD_REQUEST')) throw error;
      if (!(await this.#has(fingerprint))) throw error;
    }
  }

  async #has(fingerprint: string): Promise<boolean> {
    return (await this.#lxd.images.list()).some((image) => image.fingerprint === fingerprint);
  }
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
  }
  return hash.digest('hex');
}
