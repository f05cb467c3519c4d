import { constants } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { describeError, type Logger } from '../kernel/index.ts';

/** How often the log is looked at, and how much is read each time: a flood must cost the platform little. */
const POLL_MS = 500;
const READ_BYTES = 512 * 1024;

/**
 * Follows the server's log over its rotations.
 *
 * INVARIANTS: one look at a time. Reads at most 512 KiB in half a second; what a flood writes beyond that is passed over, so
 * what is counted from it is a lower bound. A line is handed over once, whole.
 */
export class ServerLog {
  readonly #path: string;
  readonly #onLine: (line: string) => void;
  readonly #log: Logger;
  #file: FileHandle | undefined;
  #inode = 0;
  #offset = 0;
  #rest = '';
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> = Promise.resolve();

  constructor(path: string, onLine: (line: string) => void, log: Logger) {
    this.#path = path;
    this.#onLine = onLine;
    this.#log = log;
  }

  /** Begins at the present end of the log. */
  async begin(): Promise<void> {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => void this.look(), POLL_MS).unref();
    await this.#open();
    this.#offset = this.#file === undefined ? 0 : (await this.#file.stat()).size;
  }

  /** Reads what is new now. */
  look(): Promise<void> {
    this.#look = this.#look
      .then(() => this.#readNew())
      .catch((error: unknown) => {
        this.#log.debug({ reason: describeError(error) }, "the server's log cannot be read");
      });
    return this.#look;
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#look;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #readNew(): Promise<void> {
    if (this.#file === undefined) await this.#open();
    if (this.#file === undefined) return;
    await this.#read(this.#file);
    const now = await stat(this.#path).catch(() => undefined);
    if (now === undefined || now.ino === this.#inode) return;
    // Rotated: the rest of the old file was read above, as far as the bound allows.
    await this.#file.close();
    this.#file = undefined;
  }

  async #open(): Promise<void> {
    // The folder is the server's, and the server talks to hostile clients: no link and no pipe of its making is followed.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await open(this.#path, flags).catch(() => undefined);
    if (file === undefined) return;
    const about = await file.stat();
    if (!about.isFile()) {
      await file.close();
      return;
    }
    this.#file = file;
    this.#inode = about.ino;
    this.#offset = 0;
    this.#rest = '';
  }

  async #read(file: FileHandle): Promise<void> {
    const { size } = await file.stat();
    if (size - this.#offset > READ_BYTES) {
      this.#offset = size - READ_BYTES;
      // What is left of the line in which we begin is no line.
      this.#rest = '\u0000';
    }
    const buffer = Buffer.alloc(Math.max(0, size - this.#offset));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#offset);
    this.#offset += bytesRead;
    const lines = (this.#rest + buffer.toString('utf8', 0, bytesRead)).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, READ_BYTES);
    for (const line of lines) if (line !== '') this.#onLine(line);
  }
}
