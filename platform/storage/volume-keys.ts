import { randomBytes } from 'node:crypto';
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, hasCode, writeFileAtomic } from '../kernel/index.ts';
import { destroyKeyFile, syncFolder } from './key-file.ts';
import type { KeyRing } from './key-ring.ts';
import { sealedFiles } from './key-rotation.ts';
import { derive, MASTER_KEY_BYTES, openSealedKey, sealedKeyVolume, sealKey } from './sealed-key.ts';

const PLATFORM_FILE = 'platform.json';
const volumeFile = (name: string) => `volume-${name}.json`;

/**
 * All keys at rest that the sensor key seals: the platform's key and one key for each volume.
 * Master keys are random and never derived from names, so a volume made again never has an old key.
 *
 * INVARIANTS: only the sensor key (in the ring) and `platformKey` stay in memory, until `close`; a volume's master key is
 * handed to a callback and wiped when it returns; files are read, made, renamed and destroyed in the ring's `exclusive` turn.
 */
export class VolumeKeys {
  readonly #dir: string;
  readonly #ring: KeyRing;
  #platformKey: Buffer | undefined;

  private constructor(ring: KeyRing, platformKey: Buffer | undefined) {
    this.#dir = ring.dir;
    this.#ring = ring;
    this.#platformKey = platformKey;
  }

  /**
   * Opens the keys; makes the platform key on the first start. With a ring that is locked nothing can be read or made, but
   * what is there can be listed and destroyed.
   * @throws BulkheadError STORAGE_KEY_MISSING, STORAGE_KEY_WRONG, STORAGE_KEY_DAMAGED.
   */
  static async open(ring: KeyRing): Promise<VolumeKeys> {
    if (!ring.unlocked) return new VolumeKeys(ring, undefined);
    return new VolumeKeys(ring, await ring.exclusive(async (sensorKey) => platformKey(ring.dir, sensorKey)));
  }

  /** 32 bytes that only this sensor can derive; the same for the same purpose, unrelated for different ones. */
  deriveSecret(purpose: string): Buffer {
    if (this.#platformKey === undefined) throw locked();
    return derive(this.#platformKey, Buffer.alloc(0), `bulkhead/secret/v1/${purpose}`, 32);
  }

  /** Stores a fresh random key for an image that is being made; not in use until {@link commit}. */
  async make(name: string, volume: string): Promise<void> {
    const master = randomBytes(MASTER_KEY_BYTES);
    try {
      await this.#ring.exclusive((sensorKey) =>
        writeFileAtomic(this.#making(name), sealKey(sensorKey, { kind: 'instrument', name, volume }, master)),
      );
    } finally {
      master.fill(0);
    }
  }

  /** The image has its name: its key gets its name too. */
  async commit(name: string): Promise<void> {
    await this.#alone(async () => {
      await rename(this.#making(name), this.#path(name));
      await syncFolder(this.#dir);
    });
  }

  /** After a crash: a key that was being made for `volume` is taken into use, one for anything else destroyed. */
  async recover(name: string, volume: string | undefined): Promise<void> {
    const text = await readText(this.#making(name));
    if (text === undefined) return;
    if (volume !== undefined && !(await this.has(name)) && volumeOf(text, name) === volume) {
      await this.commit(name);
    } else {
      await this.#alone(() => destroyKeyFile(this.#making(name)));
    }
  }

  async has(name: string): Promise<boolean> {
    return (await readText(this.#path(name))) !== undefined;
  }

  /** Names that have a key, in use or being made. */
  async names(): Promise<string[]> {
    const names = (await readdir(this.#dir)).map(
      (file) => /^volume-(.+)\.json(?:\.making)?$/.exec(file)?.[1] ?? '',
    );
    return [...new Set(names.filter((name) => name !== ''))];
  }

  /**
   * Lends the master key of a volume to `use` and wipes it afterwards.
   * @throws BulkheadError STORAGE_KEY_MISSING, STORAGE_KEY_WRONG, STORAGE_KEY_DAMAGED.
   */
  async lend<T>(name: string, use: (master: Buffer, volume: string) => Promise<T>): Promise<T> {
    const { master, volume } = await this.#ring.exclusive(async (sensorKey) => {
      const text = await readText(this.#path(name));
      if (text === undefined) throw missing(name, this.#path(name));
      return openSealedKey(sensorKey, { kind: 'instrument', name }, text);
    });
    try {
      return await use(master, volume);
    } finally {
      master.fill(0);
    }
  }

  /** Destroys the key of a volume: from then on nobody can read it, also not with the sensor key. */
  async destroy(name: string): Promise<void> {
    await this.#alone(async () => {
      await destroyKeyFile(this.#path(name));
      await destroyKeyFile(this.#making(name));
    });
  }

  /** Wipes the keys from memory. */
  close(): void {
    this.#ring.close();
    this.#platformKey?.fill(0);
    this.#platformKey = undefined;
  }

  /** Not while a rotation makes new files beside the old ones; needs no key. */
  async #alone(work: () => Promise<void>): Promise<void> {
    await this.#ring.alone(work);
  }

  #path(name: string): string {
    return join(this.#dir, volumeFile(name));
  }
  #making(name: string): string {
    return `${this.#path(name)}.making`;
  }
}

async function platformKey(dir: string, sensorKey: Buffer): Promise<Buffer> {
  const path = join(dir, PLATFORM_FILE);
  const binding = { kind: 'platform', name: 'platform' } as const;
  const text = await readText(path);
  if (text !== undefined) return openSealedKey(sensorKey, binding, text).master;
  // It is made before any volume's key, so if those exist it was lost, and what it encrypted would be too.
  if ((await sealedFiles(dir)).length > 0) throw missing('platform', path);
  const master = randomBytes(MASTER_KEY_BYTES);
  await writeFileAtomic(path, sealKey(sensorKey, { ...binding, volume: '' }, master), 0o600);
  return master;
}

function volumeOf(text: string, name: string): string | undefined {
  try {
    return sealedKeyVolume(text, name);
  } catch {
    return undefined; // half-written or damaged: it cannot be the key of anything
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function missing(name: string, path: string): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_KEY_MISSING',
    message: `The key of ${name} (${path}) is not there.`,
    hint: 'Restore it from a backup, or destroy the volume to start with an empty one.',
    fields: { name, path },
  });
}

function locked(): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_LOCKED',
    message: 'The sensor is locked: its key is not in memory.',
    hint: 'Unlock it with `bulkhead keys unlock`, or bring its key file.',
  });
}
