import { constants } from 'node:fs';
import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DiscardPolicy,
  StorageType,
  type JetStreamClient,
  type JetStreamManager,
  type StreamConfig,
} from '@nats-io/jetstream';
import { describeError } from '../kernel/index.ts';

/** Less than this, and the store counts as full. The server's user has no share in what is reserved for root. */
const ROOM = { bytes: 16 * 1024 * 1024, inodes: 64 };
const PROBE = { stream: 'PROBE', subject: 'probe.store', timeoutMs: 10_000 };
/** A probe may fail because the machine is busy; half a minute without any acknowledgement is something else. */
const FAILED_PROBES = 3;
const LOG_BYTES = 256 * 1024;

/** Why the store takes nothing, with the code under which it is described. */
export interface StoreFault {
  code: 'BUS_STORE_FULL' | 'BUS_STORE_FAILED';
  text: string;
  /** ISO 8601. */
  since: string;
}

/** What the watch needs. */
export interface StoreWatchOptions {
  storeDir: string;
  /** Log of the server. */
  logFile: string;
  /** The platform's own connection; undefined while there is none. */
  connection: () => { client: JetStreamClient; manager: JetStreamManager } | undefined;
}

/**
 * Watches whether the store takes what is written to it.
 *
 * When a write fails, nats-server (2.15) acknowledges nothing more on that stream and says so in its log at most; after a
 * failed sync it says nothing. It goes on like that when the disk has room again, until it is started anew. So the watch
 * looks at three things: free space, what the log says, and a message of its own that must be acknowledged.
 *
 * INVARIANTS: `look` is called one at a time.
 */
export class StoreWatch {
  readonly #options: StoreWatchOptions;
  #offset: number | undefined;
  #failedProbes = 0;
  /** The connection through which the probe's stream was made. */
  #prepared: JetStreamManager | undefined;
  #fault: StoreFault | undefined;

  constructor(options: StoreWatchOptions) {
    this.#options = options;
  }

  /** Why nothing is stored; undefined while everything is. */
  get fault(): StoreFault | undefined {
    return this.#fault;
  }

  /** Looks once. Returns what to do: nothing, or start the server anew because the disk is fine again and it is not. */
  async look(): Promise<'nothing' | 'restart'> {
    const room = await this.#room();
    const said = await this.#complaint();
    if (room !== undefined) {
      this.#set('BUS_STORE_FULL', room);
      return 'nothing';
    }
    const probe = await this.#probe();
    this.#failedProbes = probe === undefined ? 0 : this.#failedProbes + 1;
    const writable = (probe === undefined && this.#fault === undefined) || (await this.#writable());
    if (said !== undefined) {
      const code = /no space left/i.test(said) ? 'BUS_STORE_FULL' : 'BUS_STORE_FAILED';
      this.#set(code, `nats-server could not store an event: ${said}`);
    } else if (probe !== undefined && (!writable || this.#failedProbes >= FAILED_PROBES)) {
      this.#set('BUS_STORE_FAILED', probe);
    }
    // Also when the probe is stored: other streams stay stuck after a failed write.
    return this.#fault !== undefined && writable ? 'restart' : 'nothing';
  }

  /** To be called when the server was started anew and answers. @returns the fault when it is still there. */
  async restarted(): Promise<StoreFault | undefined> {
    await this.#complaint();
    if ((await this.#probe()) === undefined) {
      this.#fault = undefined;
      this.#failedProbes = 0;
    }
    return this.#fault;
  }

  #set(code: StoreFault['code'], text: string): void {
    this.#fault = { code, text, since: this.#fault?.since ?? new Date().toISOString() };
  }

  /** What is short, in words. */
  async #room(): Promise<string | undefined> {
    const { bavail, bsize, ffree, files } = await statfs(this.#options.storeDir);
    if (bavail * bsize < ROOM.bytes)
      return `only ${String(Math.floor((bavail * bsize) / 1024))} KiB are free on the disk of the event store`;
    // Some file systems have no fixed number of files and say 0.
    if (files > 0 && ffree < ROOM.inodes) return 'no more files can be made on the disk of the event store';
    return undefined;
  }

  /** A failed write that the log tells of since the last look. */
  async #complaint(): Promise<string | undefined> {
    const text = await this.#newLog();
    const line = text
      .split('\n')
      .findLast((one) =>
        /\[(ERR|FTL)\].*(failed to store a msg|no space left|input\/output error|read-only file system)/i.test(
          one,
        ),
      );
    return line
      ?.slice(line.indexOf(']', line.indexOf('[ERR]')) + 1)
      .trim()
      .slice(-300);
  }

  async #newLog(): Promise<string> {
    try {
      const file = await open(this.#options.logFile, constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        const { size } = await file.stat();
        const from = Math.max(Math.min(this.#offset ?? size, size), size - LOG_BYTES);
        this.#offset = size;
        const buffer = Buffer.alloc(size - from);
        await file.read(buffer, 0, buffer.length, from);
        return buffer.toString('utf8');
      } finally {
        await file.close();
      }
    } catch {
      // Between two log files, or none yet: the probe tells as well.
      return '';
    }
  }

  /** Stores one message; why that did not work, in words. */
  async #probe(): Promise<string | undefined> {
    const connected = this.#options.connection();
    // A server that is gone is somebody else's matter.
    if (connected === undefined) return undefined;
    try {
      // Idempotent; on a store that does not take it, this fails as storing does.
      if (this.#prepared !== connected.manager) await connected.manager.streams.add(PROBE_STREAM);
      this.#prepared = connected.manager;
      await connected.client.publish(PROBE.subject, '', { timeout: PROBE.timeoutMs, retries: 0 });
      return undefined;
    } catch (error) {
      return `the event store acknowledges nothing (${describeError(error)})`;
    }
  }

  /** The disk takes and keeps a file, as far as can be seen from here. */
  async #writable(): Promise<boolean> {
    const path = join(this.#options.storeDir, '..', '.writable');
    try {
      const file = await open(path, 'w', 0o600);
      try {
        await file.write('x');
        await file.sync();
      } finally {
        await file.close();
      }
      await rm(path);
      return true;
    } catch {
      return false;
    }
  }
}

const PROBE_STREAM = {
  name: PROBE.stream,
  subjects: [PROBE.subject],
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  max_msgs: 1,
  num_replicas: 1,
} satisfies Partial<StreamConfig>;
