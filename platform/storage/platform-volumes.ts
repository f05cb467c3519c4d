import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, waitFor, type Logger } from '../kernel/index.ts';
import { addKey, policyKey, removeKey } from './fscrypt.ts';
import { checkHostSpace, type StorageWarning } from './host-space.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import { mountAt } from './mounts.ts';
import { readSuperblock } from './superblock.ts';
import { checkName, checkSize, volumeAbsent } from './volume-errors.ts';
import { openFolder } from './volume-folders.ts';
import {
  commitImage,
  expectImage,
  growImage,
  imageSizeMib,
  isFile,
  isReleased,
  makeImage,
  mountImage,
  recoverGrowth,
  unmountImage,
} from './volume-image.ts';
import type { VolumeKeys } from './volume-keys.ts';
import { volumeState, type VolumeState } from './volume-state.ts';

/** What lies in it; everything else of the volume stays empty. */
const FOLDER = 'data';
const RELEASE_MS = 10_000;
/** No instrument can be called so: names have no dot. */
const PREFIX = 'platform.';

/** What platform volumes share with those of instruments. */
export interface PlatformVolumeParts {
  volumesDir: string;
  mountsDir: string;
  keys: VolumeKeys;
  log: Logger;
  queue: KeyedQueue;
}

/** Is it the name of a volume of the platform's own? */
export function isPlatformVolume(name: string): boolean {
  return name.startsWith(PREFIX);
}

/**
 * Encrypted volumes of the platform's own data: the same images as those of instruments, each with a key of its own, but only
 * the host's root gets in, and no container ever sees them.
 *
 * INVARIANTS: calls for one volume run one after another. Nobody but this process uses them, so one that is mounted when it is
 * to be unlocked is left over from a crash: it is locked and unlocked anew.
 */
export class PlatformVolumes {
  readonly #parts: PlatformVolumeParts;

  constructor(parts: PlatformVolumeParts) {
    this.#parts = parts;
  }

  /**
   * Makes the volume if there is none, enlarges it if it is smaller (it is never made smaller), and mounts it with its key.
   * @returns the folder that is encrypted, and only root's
   * @throws BulkheadError STORAGE_NAME_INVALID, STORAGE_SIZE_INVALID, STORAGE_HOST_FULL, STORAGE_VOLUME_ABSENT,
   *         STORAGE_VOLUME_DAMAGED, STORAGE_VOLUME_FOREIGN, STORAGE_VOLUME_BUSY, STORAGE_KEY_*.
   */
  async unlock(
    name: string,
    { sizeMib }: { sizeMib: number },
  ): Promise<{ path: string; created: boolean; warnings: StorageWarning[] }> {
    checkName(name);
    checkSize(name, sizeMib);
    const full = PREFIX + name;
    return this.#parts.queue.run(full, async () => {
      const { keys, log } = this.#parts;
      const image = this.#image(full);
      const mount = this.#mount(full);
      await this.#release(full);
      await recoverGrowth(full, image);
      await keys.recover(full, (await readSuperblock(image))?.uuid);
      const created = !(await isFile(image));
      const presentMib = created ? 0 : ((await imageSizeMib(image)) ?? 0);
      const warnings = await checkHostSpace(full, this.#parts.volumesDir, Math.max(0, sizeMib - presentMib));
      if (created) await this.#make(full, sizeMib);
      await keys.lend(full, async (master, volume) => {
        await expectImage(full, image, volume);
        if (!created && sizeMib > presentMib) await growImage(full, image, sizeMib);
        try {
          await mountImage(full, image, mount);
          await openFolder(full, join(mount, FOLDER), await addKey(mount, master));
          await chmod(join(mount, FOLDER), 0o700);
        } catch (error) {
          await this.#release(full).catch((cause: unknown) => {
            log.error({ name, cause: describeError(cause) }, 'a platform volume could not be locked again');
          });
          throw error;
        }
      });
      return { path: join(mount, FOLDER), created, warnings };
    });
  }

  /** Takes the key away and unmounts. A locked or absent volume is no error. @throws BulkheadError STORAGE_VOLUME_BUSY */
  async lock(name: string): Promise<void> {
    checkName(name);
    await this.#parts.queue.run(PREFIX + name, () => this.#release(PREFIX + name));
  }

  /** @throws BulkheadError STORAGE_NAME_INVALID */
  async state(name: string): Promise<VolumeState> {
    checkName(name);
    return volumeState(PREFIX + name, this.#image(PREFIX + name), this.#mount(PREFIX + name));
  }

  async #make(full: string, sizeMib: number): Promise<void> {
    const { keys, log } = this.#parts;
    const image = this.#image(full);
    if (await keys.has(full)) throw volumeAbsent(full, image, true);
    const temporary = `${image}.making`;
    const { uuid } = await makeImage(temporary, sizeMib);
    await keys.make(full, uuid);
    await commitImage(temporary, image);
    await keys.commit(full);
    log.info({ name: full, sizeMib, volume: uuid }, 'platform volume made');
  }

  async #release(full: string): Promise<void> {
    const image = this.#image(full);
    const mount = this.#mount(full);
    if ((await mountAt(mount)) === undefined && (await isReleased(image))) return;
    await mkdir(mount, { recursive: true, mode: 0o700 });
    if ((await mountAt(mount)) !== undefined) {
      // The unmount takes the key as well; where another mount namespace keeps the filesystem, only this does.
      await waitFor(`open files of ${full}`, RELEASE_MS, async () => forgetKey(join(mount, FOLDER), mount), {
        intervalMs: 200,
      }).catch((error: unknown) => {
        this.#parts.log.warn({ name: full, cause: describeError(error) }, 'a key could not be taken back');
      });
      await unmountImage(full, image, mount, RELEASE_MS);
    }
  }

  #image(full: string): string {
    return join(this.#parts.volumesDir, `${full}.img`);
  }
  #mount(full: string): string {
    return join(this.#parts.mountsDir, full);
  }
}

async function forgetKey(folder: string, mount: string): Promise<boolean> {
  const key = await policyKey(folder).catch(() => undefined);
  return key === undefined || (await removeKey(mount, key)) === 'absent';
}
