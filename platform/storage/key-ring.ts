import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BulkheadError, type Logger } from '../kernel/index.ts';
import { destroyKeyFile, readSensorKey } from './key-file.ts';
import { parseRecoveryCode } from './key-recovery-code.ts';
import { finishRotation, rotateSealedKeys, sealedFiles } from './key-rotation.ts';
import { readSlots, writeSlots } from './key-slot-file.ts';
import {
  macFits,
  makeSlot,
  openSlot,
  PASSPHRASE_COST,
  resealSlot,
  slotsMac,
  type ScryptCost,
  type Slot,
  type SlotFile,
  type SlotSecret,
} from './key-slots.ts';
import { openSealedKey, sensorKeyId } from './sealed-key.ts';

/** One way to the sensor key, as people see it. */
export type SlotState = Pick<Slot, 'id' | 'kind' | 'label' | 'created'>;

export interface KeyState {
  unlocked: boolean;
  /** `plain`: the key file is the sensor key itself. `slots`: it is sealed in each of `slots`. */
  mode: 'plain' | 'slots';
  slots: SlotState[];
  /** Name of the sensor key in force; says nothing about the key. */
  sensorKey: string | undefined;
}

const MIN_PASSPHRASE_BYTES = 12;
const MAX_PASSPHRASE_BYTES = 1024;

/**
 * The sensor key and the ways to it.
 *
 * INVARIANTS: whoever uses the sensor key or changes a sealed key does so in `exclusive`, one after another, so that a
 * rotation never meets a key that is being made; the key is in memory from an `unlock` that succeeded until `close`;
 * secrets that are handed in are not kept, and their owner wipes them. There is always at least one slot.
 */
export class KeyRing {
  readonly #dir: string;
  readonly #log: Logger;
  #slots: SlotFile | undefined;
  #sensorKey: Buffer | undefined;
  /** Path of the key file that opened it; the label of its slot when slots are made. */
  #keyFile = '';
  readonly #cost: ScryptCost;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(dir: string, log: Logger, slots: SlotFile | undefined, cost: ScryptCost) {
    this.#cost = cost;
    this.#dir = dir;
    this.#log = log;
    this.#slots = slots;
  }

  /**
   * Looks at the keys folder; locked until one of the `unlock`s.
   * @param cost of passphrases that are added. @throws BulkheadError STORAGE_SLOTS_DAMAGED
   */
  static async open(dir: string, log: Logger, cost = PASSPHRASE_COST): Promise<KeyRing> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    return new KeyRing(dir, log, await readSlots(dir), cost);
  }

  get dir(): string {
    return this.#dir;
  }

  get unlocked(): boolean {
    return this.#sensorKey !== undefined;
  }

  get state(): KeyState {
    return {
      unlocked: this.unlocked,
      mode: this.#slots === undefined ? 'plain' : 'slots',
      slots: (this.#slots?.slots ?? []).map(({ id, kind, label, created }) => ({ id, kind, label, created })),
      sensorKey:
        this.#slots?.sensorKey ?? (this.#sensorKey === undefined ? undefined : sensorKeyId(this.#sensorKey)),
    };
  }

  /** True when nothing was ever encrypted here: a first start. */
  async isNew(): Promise<boolean> {
    if (this.#slots !== undefined) return false;
    return !(await readdir(this.#dir)).some((name) => /^(?:volume-.+|platform)\.json/.test(name));
  }

  /**
   * Opens with a key file; makes it on a first start.
   * @throws BulkheadError STORAGE_KEY_MISSING, STORAGE_KEY_UNSAFE, STORAGE_KEY_WRONG, STORAGE_KEY_DAMAGED, STORAGE_SLOTS_DAMAGED
   */
  async unlockWithFile(path: string, shown = path): Promise<void> {
    return this.#serial(async () => {
      if (this.unlocked) return;
      const secret = await readSensorKey(path, await this.isNew());
      try {
        if (this.#slots === undefined) await this.#take(Buffer.from(secret));
        else if (!(await this.#openSlots('key-file', secret))) throw keyFileWrong(shown);
        this.#keyFile = shown;
      } finally {
        secret.fill(0);
      }
    });
  }

  /**
   * Opens with a passphrase or a recovery code, as it was typed.
   * @throws BulkheadError STORAGE_PASSPHRASE_WRONG, STORAGE_SLOTS_DAMAGED
   */
  async unlockWithPassphrase(typed: Buffer): Promise<void> {
    return this.#serial(async () => {
      if (this.unlocked) return;
      const code = parseRecoveryCode(typed);
      const opened =
        (code !== undefined && (await this.#openSlots('recovery', code))) ||
        (typed.length <= MAX_PASSPHRASE_BYTES && (await this.#openSlots('passphrase', typed)));
      code?.fill(0);
      if (opened) return;
      throw new BulkheadError({
        code: 'STORAGE_PASSPHRASE_WRONG',
        message: 'This passphrase or recovery code opens none of the slots.',
        hint: '`bulkhead keys status` lists the slots. Mind the keyboard layout.',
      });
    });
  }

  /** Work with the sensor key, one after another. @throws BulkheadError STORAGE_LOCKED */
  async exclusive<T>(work: (sensorKey: Buffer) => Promise<T>): Promise<T> {
    return this.#serial(() => work(this.#key()));
  }

  /** Work on key files that needs no key, not at the same time as work that does. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#serial(work);
  }

  /**
   * One more way to the sensor key. The first one beside a plain key file also gives the sensor a fresh key, of which the
   * key file is from then on one slot.
   * @throws BulkheadError STORAGE_PASSPHRASE_WEAK, STORAGE_SLOTS_FULL, STORAGE_LOCKED
   */
  async addSlot(from: SlotSecret): Promise<SlotState> {
    if (from.kind === 'passphrase') checkPassphrase(from.secret);
    return this.#serial(async () => {
      const key = this.#key();
      const known = this.#slots?.slots ?? (await this.#firstSlots(key));
      if (known.length >= 16) throw slotsFull();
      const slot = await makeSlot(Math.max(...known.map(({ id }) => id)) + 1, from, key, this.#cost);
      await mustOpen(slot, from.secret, key);
      if (this.#slots === undefined) await this.#rotateTo([...known, slot]);
      else await this.#writeSlots([...known, slot]);
      this.#log.info({ slot: slot.id, kind: slot.kind }, 'a way to the sensor key was added');
      const { id, kind, label, created } = slot;
      return { id, kind, label, created };
    });
  }

  /**
   * Takes a way away, and gives the sensor another key, so that an old copy of the slots is of no use.
   * @throws BulkheadError STORAGE_SLOT_UNKNOWN, STORAGE_SLOT_LAST, STORAGE_LOCKED
   */
  async removeSlot(id: number): Promise<{ skipped: string[] }> {
    return this.#serial(async () => {
      this.#key();
      const slots = this.#slots?.slots ?? [];
      const slot = slots.find((one) => one.id === id);
      if (slot === undefined) throw slotUnknown(id);
      const left = slots.filter((one) => one !== slot);
      if (left.length === 0) throw slotLast(slot);
      const result = await this.#rotateTo(left);
      // Only a file of our own folder is ours to destroy; one on a stick is its owner's.
      if (slot.kind === 'key-file' && dirname(slot.label) === this.#dir) await destroyKeyFile(slot.label);
      this.#log.info({ slot: id, kind: slot.kind }, 'a way to the sensor key was removed');
      return result;
    });
  }

  /** Another sensor key for the same ways to it; nobody is asked for a secret, no data is rewritten. */
  async rotate(): Promise<{ skipped: string[] }> {
    return this.#serial(async () =>
      this.#rotateTo(this.#slots?.slots ?? (await this.#firstSlots(this.#key()))),
    );
  }

  /** Wipes the sensor key from memory. */
  close(): void {
    this.#sensorKey?.fill(0);
    this.#sensorKey = undefined;
  }

  async #rotateTo(slots: readonly Slot[]): Promise<{ skipped: string[] }> {
    const old = this.#key();
    const next = randomBytes(32);
    const resealed = slots.map((slot) => resealSlot(slot, next));
    const file = slotFile(next, resealed);
    try {
      const result = await rotateSealedKeys(this.#dir, old, next, file);
      this.#inForce(file, next, old);
      this.#log.info({ sensorKey: file.sensorKey, ...result }, 'the sensor key was replaced');
      return result;
    } catch (error) {
      await this.#afterFailure(file, next, old);
      throw error;
    }
  }

  /** What the disk says decides which key is in force: the rename of the slots may have happened before the failure. */
  async #afterFailure(file: SlotFile, next: Buffer, old: Buffer): Promise<void> {
    const onDisk = await readSlots(this.#dir).catch(() => undefined);
    if (onDisk?.sensorKey === file.sensorKey) this.#inForce(file, next, old);
    else next.fill(0);
    await finishRotation(this.#dir, sensorKeyId(this.#key())).catch((error: unknown) => {
      this.#log.error({ err: error }, 'a rotation is finished at the next start');
    });
  }

  #inForce(file: SlotFile, next: Buffer, old: Buffer): void {
    this.#slots = file;
    this.#sensorKey = next;
    old.fill(0);
  }

  /** The plain key file as a slot. */
  async #firstSlots(key: Buffer): Promise<Slot[]> {
    const slot = await makeSlot(
      1,
      { kind: 'key-file', label: this.#keyFile.slice(0, 200), secret: key },
      key,
    );
    await mustOpen(slot, key, key);
    return [slot];
  }

  async #writeSlots(slots: readonly Slot[]): Promise<void> {
    const file = slotFile(this.#key(), slots);
    await writeSlots(this.#dir, file);
    this.#slots = file;
  }

  async #openSlots(kind: Slot['kind'], secret: Buffer): Promise<boolean> {
    const file = this.#slots;
    for (const slot of file?.slots.filter((one) => one.kind === kind) ?? []) {
      const key = await openSlot(slot, secret);
      if (key === undefined || file === undefined) continue;
      if (sensorKeyId(key) !== file.sensorKey || !macFits(key, file)) throw slotsChanged();
      await this.#take(key);
      return true;
    }
    return false;
  }

  /** Finishes what a crash interrupted, then believes the key if it opens what is there. */
  async #take(key: Buffer): Promise<void> {
    await finishRotation(this.#dir, sensorKeyId(key));
    if ((await sealedFiles(this.#dir)).includes('platform.json')) {
      const text = await readFile(join(this.#dir, 'platform.json'), 'utf8');
      openSealedKey(key, { kind: 'platform', name: 'platform' }, text).master.fill(0);
    }
    if (this.#slots !== undefined) await writeSlots(this.#dir, this.#slots); // renews a damaged or old copy
    this.#sensorKey = key;
  }

  #key(): Buffer {
    if (this.#sensorKey !== undefined) return this.#sensorKey;
    throw new BulkheadError({
      code: 'STORAGE_LOCKED',
      message: 'The sensor is locked: its key is not in memory.',
      hint: 'Unlock it with `bulkhead keys unlock`, or bring its key file.',
    });
  }

  async #serial<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

function slotFile(key: Buffer, slots: readonly Slot[]): SlotFile {
  return { version: 1, sensorKey: sensorKeyId(key), slots: [...slots], mac: slotsMac(key, slots) };
}

/** A slot that would not open must never be relied on. */
async function mustOpen(slot: Slot, secret: Buffer, key: Buffer): Promise<void> {
  const opened = await openSlot(slot, secret);
  const same = opened?.equals(key) === true;
  opened?.fill(0);
  if (!same) throw slotsChanged();
}

function checkPassphrase(secret: Buffer): void {
  const short = secret.length < MIN_PASSPHRASE_BYTES;
  if (!short && secret.length <= MAX_PASSPHRASE_BYTES && new Set(secret).size >= 5) return;
  throw new BulkheadError({
    code: 'STORAGE_PASSPHRASE_WEAK',
    message: `A passphrase has ${String(MIN_PASSPHRASE_BYTES)} to ${String(MAX_PASSPHRASE_BYTES)} characters, and at least 5 different ones.`,
    hint: 'Take five or more random words.',
  });
}

function keyFileWrong(path: string): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_KEY_WRONG',
    message: `The key file ${path} opens none of the slots.`,
    hint: 'Give the sensor a key file that was added to it, or unlock it with a passphrase or recovery code.',
    fields: { path },
  });
}

function slotsChanged(): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_SLOTS_DAMAGED',
    message: 'The slots were changed by somebody else than this sensor: they do not fit the sensor key.',
    hint: 'Restore keys/slots.json from a backup, and find out who wrote there.',
  });
}

function slotUnknown(id: number): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_SLOT_UNKNOWN',
    message: `There is no slot ${String(id)}.`,
    hint: '`bulkhead keys status` lists the slots.',
    fields: { slot: id },
  });
}

function slotLast(slot: Slot): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_SLOT_LAST',
    message: `Slot ${String(slot.id)} is the only way to the sensor key: without it everything stored would be lost.`,
    hint: 'Add another one first, e.g. with `bulkhead keys add-passphrase`.',
    fields: { slot: slot.id },
  });
}

function slotsFull(): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_SLOTS_FULL',
    message: 'There are 16 slots already.',
    hint: 'Remove one that is no longer needed with `bulkhead keys remove-slot`.',
  });
}
