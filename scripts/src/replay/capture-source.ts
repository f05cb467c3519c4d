import { open, type FileHandle } from 'node:fs/promises';
import { BulkheadError } from '@bulkhead/platform/kernel';

/** Bounds of a capture file; beyond them it is refused. */
export const CAPTURE_LIMITS = Object.freeze({
  fileMib: 2048,
  packets: 20_000_000,
  /** The largest record that libpcap itself accepts (MAXIMUM_SNAPLEN). */
  recordBytes: 262_144,
  /** The largest frame that is replayed: an IP packet of 9216 bytes and its Ethernet header. */
  frameBytes: 9216 + 14,
});

/** One packet as it stands in the file. */
export interface CaptureRecord {
  linkType: number;
  /** Seconds since 1970. */
  time: number;
  /** Bytes on the wire; more than `data.length` when the capture kept only the start of each packet. */
  originalLength: number;
  /** Valid until the next record is read. */
  data: Buffer;
}

const CHUNK_BYTES = 1 << 20;

/** Reads a file from start to end in bounded memory, and knows where it is for error messages. */
export class CaptureSource {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #size: number;
  #buffer = Buffer.alloc(0);
  #filePosition = 0;
  #offset = 0;

  private constructor(path: string, file: FileHandle, size: number) {
    this.path = path;
    this.#file = file;
    this.#size = size;
  }

  /** @throws BulkheadError START_CAPTURE_UNREADABLE, START_CAPTURE_TOO_LARGE, START_CAPTURE_EMPTY. */
  static async open(path: string): Promise<CaptureSource> {
    let file: FileHandle | undefined;
    try {
      file = await open(path, 'r');
      const facts = await file.stat();
      if (!facts.isFile()) throw new Error('it is not a regular file');
      if (facts.size > CAPTURE_LIMITS.fileMib * 1_048_576) {
        throw new BulkheadError({
          code: 'START_CAPTURE_TOO_LARGE',
          message: `The capture ${path} has ${String(Math.round(facts.size / 1_048_576))} MiB; at most ${String(CAPTURE_LIMITS.fileMib)} MiB are replayed.`,
          hint: 'Split it (tcpdump -r FILE -w part -C 1000) and replay the parts.',
          fields: { path },
        });
      }
      if (facts.size === 0) {
        throw new BulkheadError({
          code: 'START_CAPTURE_EMPTY',
          message: `The capture ${path} is an empty file.`,
          fields: { path },
        });
      }
      return new CaptureSource(path, file, facts.size);
    } catch (cause) {
      await file?.close();
      if (cause instanceof BulkheadError) throw cause;
      throw new BulkheadError({
        code: 'START_CAPTURE_UNREADABLE',
        message: `The capture ${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
        hint: 'Give the path of a pcap or pcapng file that this user may read.',
        fields: { path },
        cause,
      });
    }
  }

  /** Position in the file of the next byte. */
  get position(): number {
    return this.#filePosition - (this.#buffer.length - this.#offset);
  }

  get remaining(): number {
    return this.#size - this.position;
  }

  /** The next `count` bytes, valid until the next call; undefined when the file ends before them. */
  async take(count: number): Promise<Buffer | undefined> {
    if (this.#buffer.length - this.#offset < count && !(await this.#fill(count))) return undefined;
    const bytes = this.#buffer.subarray(this.#offset, this.#offset + count);
    this.#offset += count;
    return bytes;
  }

  async #fill(count: number): Promise<boolean> {
    const rest = this.#buffer.subarray(this.#offset);
    const grown = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, count));
    rest.copy(grown);
    let length = rest.length;
    while (length < count) {
      const { bytesRead } = await this.#file.read(grown, length, grown.length - length, this.#filePosition);
      if (bytesRead === 0) break;
      this.#filePosition += bytesRead;
      length += bytesRead;
    }
    this.#buffer = grown.subarray(0, length);
    this.#offset = 0;
    return length >= count;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** The file's structure contradicts itself at this place. */
  damaged(what: string): BulkheadError {
    return new BulkheadError({
      code: 'START_CAPTURE_DAMAGED',
      message: `The capture ${this.path} is damaged at byte ${String(this.position)}: ${what}.`,
      hint: 'Open it in Wireshark to see what can be saved, or capture again.',
      fields: { path: this.path, offset: this.position },
    });
  }

  /** The file ends inside a record. */
  truncated(packets: number): BulkheadError {
    return new BulkheadError({
      code: 'START_CAPTURE_TRUNCATED',
      message: `The capture ${this.path} ends in the middle of record ${String(packets + 1)}.`,
      hint: 'Save its whole records with: tcpdump -r FILE -w WHOLE.pcap',
      fields: { path: this.path, packets },
    });
  }
}
