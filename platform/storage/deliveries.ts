import { randomBytes } from 'node:crypto';
import { chmod, chown, lstat, mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { NameSchema, ResourceNameSchema } from '../contracts/index.ts';
import { hasCode, type Logger } from '../kernel/index.ts';
import { copyFromOutbox, copyIn, type ExpectedFile } from './delivery-copy.ts';
import { foreign, invalid, noSpace, tooMuch, unknownFile } from './delivery-errors.ts';
import {
  isSameSender,
  readRecord,
  senderText,
  writeRecord,
  type DeliveredFile,
  type DeliveryRecord,
  type DeliverySender,
} from './delivery-record.ts';
import { checkPlace, DELIVERY_LIMITS, type DeliveryTarget } from './delivery-rules.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import { syncFolder } from './key-file.ts';
import { checkName } from './volume-errors.ts';

const MIB = 1 << 20;
/** Kept free on the disk of the state folder. */
const RESERVE_BYTES = 64 * MIB;
/** Beside the receivers' folders; no instrument can be called so, and no container sees it. */
const INCOMING = '.incoming';

export interface DeliveryParts {
  /** Folder with the records, one file for each receiver. */
  recordsDir: string;
  /** Folder of a receiver's resources; all of them lie in one folder. */
  resourcesDir: (name: string) => string;
  /** Folder of an unlocked volume that holds `persistent/`. */
  volumeFolder: (name: string) => string;
  queue: KeyedQueue;
  log: Logger;
}

/**
 * Files that the platform places among an instrument's resources for somebody else, and the record of who placed what.
 *
 * INVARIANTS: one file at a time for each receiver; its record changes only while nothing else happens to its resources. What is
 * about to be placed is on record before the one rename that places it, so after a crash a file is either as before or whole and
 * on record. A file that was not recorded is not kept.
 */
export class Deliveries {
  readonly #parts: DeliveryParts;
  readonly #copying = new Map<AbortController, string>();

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /**
   * Copies a file from the outbox of an instrument whose volume is unlocked.
   * @param from whose outbox @returns false when exactly this was there already
   * @throws BulkheadError STORAGE_FILE_REFUSED, STORAGE_DELIVERY_MISMATCH, _INVALID, _NAME_TAKEN, _FOREIGN, _LIMIT, _INTERRUPTED,
   *         STORAGE_HOST_FULL
   */
  async deliver(
    from: { instrument: string; download?: string | undefined },
    file: ExpectedFile & { sha256: string; bytes: number },
    target: DeliveryTarget,
  ): Promise<{ changed: boolean }> {
    checkName(from.instrument);
    if (!/^[0-9a-f]{64}$/.test(file.sha256))
      throw invalid('its name is not a SHA-256 of 64 hexadecimal digits');
    if (!Number.isSafeInteger(file.bytes) || file.bytes < 0)
      throw invalid('its size is not a number of bytes');
    const { instrument, download } = from;
    const sender = { instrument, ...(download === undefined ? {} : { download }) };
    const { changed } = await this.#place(sender, target, file, instrument, async (temporary, signal) => {
      await copyFromOutbox(this.#parts.volumeFolder(instrument), file, temporary, signal);
      return { sha256: file.sha256, bytes: file.bytes };
    });
    return { changed };
  }

  /**
   * Takes a file from a person.
   * @throws BulkheadError STORAGE_DELIVERY_MISMATCH, _INVALID, _NAME_TAKEN, _LIMIT, _INTERRUPTED, STORAGE_HOST_FULL
   */
  async receive(
    operator: string,
    content: AsyncIterable<Uint8Array>,
    file: ExpectedFile,
    target: DeliveryTarget,
  ): Promise<{ changed: boolean; sha256: string; bytes: number }> {
    return this.#place({ operator }, target, file, '', (temporary, signal) =>
      copyIn(content, file, temporary, signal),
    );
  }

  /**
   * Takes delivered files away.
   * @param who an instrument reaches only what it delivered itself; a person everything.
   * @throws BulkheadError STORAGE_DELIVERY_UNKNOWN, STORAGE_DELIVERY_FOREIGN; nothing was removed then.
   */
  async remove(to: string, names: readonly string[], who: DeliverySender): Promise<void> {
    checkName(to);
    await this.#parts.queue.run(to, async () => {
      const record = await this.#read(to);
      for (const name of names) {
        const entry = record.files.find(({ as }) => as === name);
        if (entry === undefined) throw unknownFile(to, name);
        if (!('operator' in who) && !isSameSender(entry.sender, who))
          throw foreign(to, name, senderText(entry.sender));
      }
      await this.#unlink(to, names);
      await this.#write(to, { version: 1, files: record.files.filter(({ as }) => !names.includes(as)) });
    });
  }

  /** What is there now for one receiver. */
  async list(to: string): Promise<DeliveredFile[]> {
    checkName(to);
    return this.#parts.queue.run(to, async () => (await this.#read(to)).files);
  }

  /** Instruments that something was delivered to. */
  async receivers(): Promise<string[]> {
    const files = await readdir(this.#parts.recordsDir).catch(noneWhenAbsent);
    return files
      .flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -'.json'.length)] : []))
      .filter((name) => NameSchema.safeParse(name).success)
      .sort();
  }

  /** Ends copies out of a volume, or all of them. */
  interrupt(from?: string): void {
    for (const [copy, sender] of this.#copying) if (from === undefined || sender === from) copy.abort();
  }

  /**
   * What must stay when the operator's files are placed; what has one of their names is forgotten: they win. Call in the turn of
   * the receiver.
   */
  async keepBeside(to: string, operatorNames: readonly string[]): Promise<DeliveredFile[]> {
    const record = await this.#read(to);
    const files: DeliveredFile[] = [];
    for (const entry of record.files) {
      const replaced = operatorNames.includes(entry.as);
      if (!replaced && (await this.#stands(to, entry))) files.push(entry);
      else this.#parts.log.warn({ to, file: entry.as, replaced }, 'a delivered file is no longer there');
    }
    if (files.length !== record.files.length) await this.#write(to, { version: 1, files });
    return files;
  }

  /** With the receiver's volume go the deliveries. Call in its turn. */
  async forget(to: string): Promise<void> {
    await rm(this.#record(to), { force: true });
  }

  /** Finishes or undoes what a crash left. Before anything else. */
  async recover(): Promise<void> {
    for (const name of await this.receivers()) await this.#parts.queue.run(name, () => this.#read(name));
    await rm(this.#incoming(), { recursive: true, force: true });
  }

  async #place(
    sender: DeliverySender,
    target: DeliveryTarget,
    file: ExpectedFile,
    copiedFrom: string,
    copy: (temporary: string, signal: AbortSignal) => Promise<{ sha256: string; bytes: number }>,
  ): Promise<{ changed: boolean; sha256: string; bytes: number }> {
    const { to, as } = target;
    checkName(to);
    if (!ResourceNameSchema.safeParse(as).success) throw invalid('it cannot have this name for the receiver');
    const maxBytes = Math.min(file.maxBytes, DELIVERY_LIMITS.fileBytes);
    if ((file.bytes ?? 0) > maxBytes) throw tooMuch(target, `a file may have ${String(maxBytes)} bytes`);
    const { queue } = this.#parts;
    return queue.run(`delivery:${to}`, async () => {
      const standing = await queue.run(to, async () => {
        const record = await this.#read(to);
        checkPlace(record, sender, target, file.bytes ?? 0);
        const entry = record.files.find((one) => one.as === as);
        const same = entry?.sha256 === file.sha256 && isSameSender(entry?.sender ?? sender, sender);
        if (entry === undefined || !same || !(await this.#stands(to, entry))) return undefined;
        await this.#finish(to, record, entry, target.remove ?? []);
        return { changed: false, sha256: entry.sha256, bytes: entry.bytes };
      });
      if (standing !== undefined) return standing;
      await this.#checkSpace(file.bytes ?? maxBytes);
      const temporary = randomBytes(12).toString('hex');
      const path = join(this.#incoming(), temporary);
      await mkdir(this.#incoming(), { recursive: true, mode: 0o700 });
      const copying = new AbortController();
      this.#copying.set(copying, copiedFrom);
      try {
        const copied = await copy(path, copying.signal);
        await queue.run(to, () => this.#commit(sender, target, copied, temporary));
        return { changed: true, ...copied };
      } finally {
        this.#copying.delete(copying);
        await rm(path, { force: true });
      }
    });
  }

  async #commit(
    sender: DeliverySender,
    target: DeliveryTarget,
    copied: { sha256: string; bytes: number },
    temporary: string,
  ): Promise<void> {
    const { to, as, ownerGroupId, remove = [] } = target;
    const record = await this.#read(to);
    checkPlace(record, sender, target, copied.bytes);
    const folder = this.#parts.resourcesDir(to);
    const path = join(this.#incoming(), temporary);
    await mkdir(folder, { recursive: true, mode: 0o750 });
    // Root's, and readable by the receiver's program alone; before that start, by root alone.
    await chown(path, 0, ownerGroupId ?? 0);
    await chmod(path, 0o640);
    const entry: DeliveredFile = { as, sender, ...copied, at: new Date().toISOString() };
    await this.#write(to, { ...record, placing: { temporary, entry, remove: [...remove] } });
    await rename(path, join(folder, as));
    await syncFolder(folder);
    await this.#finish(to, record, entry, remove);
  }

  /** After the entry's file is there: what it makes needless goes, and the record says how it is. */
  async #finish(
    to: string,
    record: DeliveryRecord,
    entry: DeliveredFile,
    remove: readonly string[],
  ): Promise<DeliveryRecord> {
    const gone = record.files.filter(
      ({ as, sender }) => as !== entry.as && remove.includes(as) && isSameSender(sender, entry.sender),
    );
    await this.#unlink(
      to,
      gone.map(({ as }) => as),
    );
    const stay = record.files.filter((one) => one.as !== entry.as && !gone.includes(one));
    const next: DeliveryRecord = { version: 1, files: [...stay, entry] };
    await this.#write(to, next);
    return next;
  }

  async #checkSpace(bytes: number): Promise<void> {
    const disk = await statfs(this.#parts.recordsDir).catch(() => undefined);
    const freeBytes = disk === undefined ? Infinity : disk.bavail * disk.bsize;
    if (freeBytes < bytes + RESERVE_BYTES) throw noSpace(this.#parts.recordsDir, Math.floor(freeBytes / MIB));
  }

  /** The record, with what a crash left half done finished or undone. */
  async #read(to: string): Promise<DeliveryRecord> {
    const { record, damaged } = await readRecord(this.#record(to));
    if (damaged)
      this.#parts.log.error({ to }, 'the record of what was delivered was damaged and was set aside');
    const { placing, ...rest } = record;
    if (placing === undefined) return rest;
    const path = join(this.#incoming(), placing.temporary);
    if ((await facts(path)) === undefined) return this.#finish(to, rest, placing.entry, placing.remove);
    await rm(path);
    await this.#write(to, rest);
    return rest;
  }

  /** Is it there, as far as a look tells? */
  async #stands(to: string, entry: DeliveredFile): Promise<boolean> {
    const found = await facts(join(this.#parts.resourcesDir(to), entry.as));
    return found?.isFile() === true && found.size === entry.bytes;
  }

  async #unlink(to: string, names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const folder = this.#parts.resourcesDir(to);
    for (const name of names) await rm(join(folder, name), { force: true });
    await syncFolder(folder);
  }

  async #write(to: string, record: DeliveryRecord): Promise<void> {
    await mkdir(this.#parts.recordsDir, { recursive: true, mode: 0o700 });
    await writeRecord(this.#record(to), record);
  }

  #record(to: string): string {
    return join(this.#parts.recordsDir, `${to}.json`);
  }
  #incoming(): string {
    return this.#parts.resourcesDir(INCOMING);
  }
}

async function facts(path: string) {
  return lstat(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  });
}

function noneWhenAbsent(error: unknown): string[] {
  if (hasCode(error, 'ENOENT')) return [];
  throw error;
}
