import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { promisify } from 'node:util';

/**
 * The named pipe through which Suricata hands over its EVE records.
 *
 * Suricata writes to it blocking, so a slow reader slows Suricata down and what is then lost is lost in the capture ring,
 * where the kernel counts it. Its socket output (`filetype: unix_stream`) writes without waiting and drops what does not
 * fit into 208 KiB, uncounted until it exits: a quarter of 100,000 records in a burst, when it was measured.
 *
 * INVARIANTS: one reader; `end` comes exactly once, after `finish()` and after every byte that was written was read.
 */
export class EvePipe {
  readonly #socket: Socket;
  #keeper: number | undefined;
  readonly ended: Promise<void>;

  private constructor(socket: Socket, keeper: number) {
    this.#socket = socket;
    this.#keeper = keeper;
    this.ended = new Promise((resolve) => {
      socket.once('close', () => {
        resolve();
      });
    });
  }

  /** Makes the pipe (replacing what stands at `path`) and reads from it. */
  static async create(path: string, onData: (chunk: Buffer) => void): Promise<EvePipe> {
    await rm(path, { force: true });
    // Node has no call for it; coreutils are in every image.
    await promisify(execFile)('/usr/bin/mkfifo', ['-m', '600', path]);
    // Opening does not wait (O_NONBLOCK), and the numbers must outlive any FileHandle: the socket owns the first.
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    // Without a writer of our own the pipe would end before Suricata has opened it.
    const keeper = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    const socket = new Socket({ fd: reader, readable: true, writable: false });
    socket.on('data', onData);
    socket.on('error', () => undefined); // followed by `close`
    return new EvePipe(socket, keeper);
  }

  /** Stops reading; Suricata waits as soon as the pipe is full. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** To be called when Suricata has exited: what is still in the pipe is read, then `ended` resolves. */
  async finish(): Promise<void> {
    this.#closeKeeper();
    this.#socket.resume();
    await this.ended;
  }

  /** Gives up what is still in the pipe. */
  destroy(): void {
    this.#closeKeeper();
    this.#socket.destroy();
  }

  #closeKeeper(): void {
    if (this.#keeper !== undefined) closeSync(this.#keeper);
    this.#keeper = undefined;
  }
}
