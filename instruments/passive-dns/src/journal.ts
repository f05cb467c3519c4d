import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** Messages and what they held, as one durable step. */
export interface JournalEntry {
  /** Grows by one from step to step, over restarts too. */
  sequence: number;
  messages: readonly string[];
  /** Lines of the coalescer. */
  lines: string;
}

/** A journal is emptied every second or so; more than this is not ours. */
const MAX_BYTES = 256 * 1024 * 1024;
const HEAD = /^[0-9a-f]{8} \d{1,10} \d{1,15}\n/;
const HEAD_BYTES = 40;

/**
 * A file to which steps are appended before they are in the database: one sequential write and one sync, where the database would
 * write many pages. Each step: `<crc32 of the body> <its bytes> <sequence>\n<body>`.
 *
 * INVARIANTS: one call at a time. A step whose `append` resolved is on the disk. One that was cut off by a loss of power
 * fails its checksum, and it and what follows is not read: none of that was acknowledged. Who applies steps keeps the last sequence in the
 * same transaction, so that a step that is still in the file is not applied twice.
 */
export class Journal {
  readonly #file: FileHandle;
  #bytes = 0;
  /** Something may stand behind the last whole step. */
  #littered = false;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * Opens the journal, made anew where there is none.
   * @returns the whole steps in it, and how many bytes at its end are none
   * @throws the system's error (ENOSPC, EIO, …)
   */
  static async open(path: string): Promise<{ journal: Journal; steps: JournalEntry[]; torn: number }> {
    const file = await open(path, 'a+', 0o600);
    try {
      const journal = new Journal(file);
      const { size } = await file.stat();
      const content = size > MAX_BYTES ? Buffer.alloc(0) : await file.readFile();
      const { steps, bytes } = readSteps(content);
      journal.#bytes = bytes;
      if (size > bytes) await file.truncate(bytes);
      return { journal, steps, torn: size - bytes };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Bytes of the steps in it. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when the step survives the loss of power. @throws the system's error; then nothing of it stays */
  async append(step: JournalEntry): Promise<void> {
    const body = Buffer.from(`${JSON.stringify(step.messages)}\n${step.lines}`);
    const head = `${crc32(body).toString(16).padStart(8, '0')} ${String(body.length)} ${String(step.sequence)}\n`;
    const record = Buffer.concat([Buffer.from(head), body]);
    // What a failed try left must not stand before this step: nothing behind it would be read.
    if (this.#littered) await this.#file.truncate(this.#bytes);
    this.#littered = true;
    try {
      for (let at = 0; at < record.length;) at += (await this.#file.write(record, at)).bytesWritten;
      await this.#file.datasync();
    } catch (error) {
      await this.#file.truncate(this.#bytes).catch(() => undefined);
      throw error;
    }
    this.#littered = false;
    this.#bytes += record.length;
  }

  /** Empties it: everything in it is in the database. */
  async clear(): Promise<void> {
    if (this.#bytes === 0) return;
    await this.#file.truncate(0);
    this.#bytes = 0;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

function readSteps(content: Buffer): { steps: JournalEntry[]; bytes: number } {
  const steps: JournalEntry[] = [];
  let bytes = 0;
  for (;;) {
    const head = HEAD.exec(content.toString('latin1', bytes, bytes + HEAD_BYTES))?.[0];
    if (head === undefined) return { steps, bytes };
    const [checksum, length, sequence] = head.trimEnd().split(' ');
    const start = bytes + head.length;
    const body = content.subarray(start, start + Number(length));
    if (body.length !== Number(length) || crc32(body) !== parseInt(checksum ?? '', 16))
      return { steps, bytes };
    const end = body.indexOf(10);
    const messages = JSON.parse(body.toString('utf8', 0, end)) as string[];
    steps.push({ sequence: Number(sequence), messages, lines: body.toString('utf8', end + 1) });
    bytes = start + body.length;
  }
}
