import { readdir, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { NameSchema } from '../contracts/index.ts';
import { BulkheadError, describeError, hasCode, waitFor, type Logger } from '../kernel/index.ts';
import { addKey } from './fscrypt.ts';
import { Deliveries } from './deliveries.ts';
import { checkHostSpace, overcommitment, type StorageWarning } from './host-space.ts';
import { syncFolder } from './key-file.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { mountAt } from './mounts.ts';
import { isPlatformVolume, PlatformVolumes } from './platform-volumes.ts';
import { placeResources, type PlacedResources } from './resources.ts';
import { readSuperblock } from './superblock.ts';
import {
  checkOwner,
  forgetKeys,
  giveTo,
  INSTRUMENT_FOLDER,
  isUnlocked,
  openPersistent,
  removeMountPoint,
  renewTransient,
  type OwnerIds,
} from './volume-folders.ts';
import {
  commitImage,
  expectImage,
  growImage,
  imageSizeMib,
  isFile,
  isLive,
  isReleased,
  makeImage,
  mountImage,
  recoverGrowth,
  unmountImage,
} from './volume-image.ts';
import { checkName, checkSize, shrinkRefused, volumeAbsent, volumeBusy } from './volume-errors.ts';
import { type VolumeKeys } from './volume-keys.ts';
import { volumeState, type VolumeState } from './volume-state.ts';

/** How long a stopped instrument's last processes may still hold its volume. */
const RELEASE_MS = 5_000;

/** What storage is made of; `openStorage` puts it together. */
export interface StorageParts {
  volumesDir: string;
  /** Records of what was delivered among resources. */
  recordsDir: string;
  /** Without links on the way to it. */
  mountsDir: string;
  resourcesDir: (name: string) => string;
  /** Files below these are never given to an instrument as resources. */
  ownFolders: readonly string[];
  log: Logger;
  keys: VolumeKeys;
}

/**
 * Encrypted volumes of instruments, one sparse ext4 image each.
 *
 * INVARIANTS: one process owns a site's storage. Calls for one volume run one after another, for different volumes
 * side by side. A volume that a container sees is never unmounted, checked, re-keyed or given to other ids.
 */
export class Storage {
  readonly #parts: StorageParts;
  readonly #queue = new KeyedQueue();
  /** Volumes of the platform's own data. */
  readonly platform: PlatformVolumes;
  /** Files that others placed among an instrument's resources. */
  readonly deliveries: Deliveries;
  #closed = false;

  constructor(parts: StorageParts) {
    this.#parts = parts;
    this.platform = new PlatformVolumes({ ...parts, queue: this.#queue });
    const volumeFolder = (name: string) => join(this.#mount(name), INSTRUMENT_FOLDER);
    this.deliveries = new Deliveries({ ...parts, volumeFolder, queue: this.#queue });
  }

  /**
   * Makes the volume if there is none, enlarges it if it is smaller. To be enlarged it must not run; it is
   * locked then. Otherwise it stays locked or unlocked as it was.
   * @throws BulkheadError STORAGE_NAME_INVALID, STORAGE_SIZE_INVALID, STORAGE_SHRINK_REFUSED, STORAGE_HOST_FULL,
   *         STORAGE_VOLUME_BUSY (to be enlarged while it runs), STORAGE_VOLUME_ABSENT (a key without its image),
   *         STORAGE_VOLUME_DAMAGED, STORAGE_KEY_*.
   */
  async ensure(
    name: string,
    { sizeMib }: { sizeMib: number },
  ): Promise<{ created: boolean; grown: boolean; warnings: StorageWarning[] }> {
    return this.#exclusive(name, async () => {
      checkSize(name, sizeMib);
      await this.#recover(name);
      const image = this.#image(name);
      if (!(await isFile(image))) {
        if (await this.#parts.keys.has(name)) throw volumeAbsent(name, image, true);
        const warnings = await checkHostSpace(name, this.#parts.volumesDir, sizeMib);
        await this.#make(name, sizeMib);
        return { created: true, grown: false, warnings };
      }
      await this.#parts.keys.lend(name, async (_, volume) => expectImage(name, image, volume));
      const presentMib = (await imageSizeMib(image)) ?? 0;
      if (sizeMib < presentMib) {
        throw shrinkRefused(name, sizeMib, presentMib);
      }
      const warnings = await checkHostSpace(name, this.#parts.volumesDir, sizeMib - presentMib);
      if (sizeMib > presentMib) await this.#grow(name, sizeMib);
      return { created: false, grown: sizeMib > presentMib, warnings };
    });
  }

  /**
   * Mounts the volume with its keys and an empty `transient`. A volume that a running container sees is adopted as
   * it is; one that was left mounted without a container (a crash) is locked and unlocked anew.
   * @returns the folder to mount at /var/lib/instrument.
   * @throws BulkheadError STORAGE_VOLUME_ABSENT, STORAGE_VOLUME_DAMAGED, STORAGE_VOLUME_FOREIGN, STORAGE_VOLUME_BUSY,
   *         STORAGE_OWNER_INVALID, STORAGE_KEY_*.
   */
  async unlock(name: string, ids: OwnerIds): Promise<{ path: string }> {
    return this.#exclusive(name, async () => {
      checkOwner(name, ids);
      await this.#recover(name);
      const image = this.#image(name);
      const mount = this.#mount(name);
      const path = join(mount, INSTRUMENT_FOLDER);
      if (!(await isFile(image))) throw volumeAbsent(name, image, await this.#parts.keys.has(name));
      if (await this.#isLive(name)) {
        if ((await mountAt(mount)) === undefined) await mountImage(name, image, mount);
        if (await isUnlocked(mount)) return { path };
        throw volumeBusy(name, 'its container still runs, but its keys are gone from the kernel');
      }
      await this.#release(name);
      await this.#parts.keys.lend(name, async (master, volume) => {
        await expectImage(name, image, volume);
        try {
          await mountImage(name, image, mount);
          await openPersistent(name, mount, await addKey(mount, master));
          await giveTo(mount, ids);
          await renewTransient(mount, ids);
        } catch (error) {
          await this.#release(name).catch((cause: unknown) => {
            this.#parts.log.error(
              { name, cause: describeError(cause) },
              'a volume could not be locked again',
            );
          });
          throw error;
        }
      });
      return { path };
    });
  }

  /**
   * Takes the keys out of the kernel and unmounts. A locked or absent volume is no error.
   * @throws BulkheadError STORAGE_VOLUME_BUSY when a container still runs on it, or somebody has files open.
   */
  async lock(name: string): Promise<void> {
    this.deliveries.interrupt(name);
    await this.#exclusive(name, async () => {
      await this.#recover(name);
      await this.#release(name);
    });
  }

  /** Destroys the volume: first its key, so that no copy of the image can be read any more. Idempotent. */
  async destroy(name: string): Promise<void> {
    this.deliveries.interrupt(name);
    await this.#exclusive(name, async () => {
      await this.#release(name);
      const image = this.#image(name);
      if (await isFile(image)) {
        // After this rename the volume is gone whatever happens; #recover finishes what a crash leaves.
        await rename(image, `${image}.deleting`);
        await syncFolder(this.#parts.volumesDir);
      }
      await this.#parts.keys.destroy(name);
      await this.#recover(name);
      await this.deliveries.forget(name);
      await rm(this.#parts.resourcesDir(name), { recursive: true, force: true });
      await removeMountPoint(this.#mount(name));
    });
  }

  /** All volumes of instruments. Reads a few kilobytes for each and starts no program. */
  async list(): Promise<VolumeState[]> {
    this.#assertOpen();
    const images = (await readdir(this.#parts.volumesDir))
      .filter((file) => file.endsWith('.img'))
      .map((file) => file.slice(0, -'.img'.length));
    const all = new Set([...images, ...(await this.#parts.keys.names())]);
    const names = [...all].filter((name) => !isPlatformVolume(name)).sort();
    return Promise.all(names.map(async (name) => volumeState(name, this.#image(name), this.#mount(name))));
  }

  /** What is weak about all volumes together; for `doctor` and the status. */
  async warnings(): Promise<StorageWarning[]> {
    this.#assertOpen();
    return overcommitment(this.#parts.volumesDir, 0);
  }

  /**
   * 32 bytes for another room (bus store encryption, account keys). Never stored; the same on every start.
   * @param purpose what they are for, e.g. `bus/store`; different purposes give unrelated bytes.
   */
  deriveSecret(purpose: string): Buffer {
    this.#assertOpen();
    return this.#parts.keys.deriveSecret(purpose);
  }

  /** See {@link placeResources}; the folder to mount read-only at /var/lib/instrument/resources. */
  async placeResources(
    name: string,
    files: Readonly<Record<string, string>>,
    owner: { ownerGroupId: number },
  ): Promise<PlacedResources> {
    return this.#exclusive(name, async () => {
      const kept = await this.deliveries.keepBeside(name, Object.keys(files));
      const rules = { ...owner, forbidden: this.#parts.ownFolders, kept };
      return placeResources(this.#parts.resourcesDir(name), files, rules);
    });
  }

  /** Wipes the keys from memory. Volumes stay as they are: running instruments go on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.deliveries.interrupt();
    await this.#queue.idle();
    this.#parts.keys.close();
  }

  /** After a start: finishes or removes what a crash left, locks what no container uses. Failures are logged. */
  async recoverAll(): Promise<void> {
    await this.deliveries.recover();
    const files = await readdir(this.#parts.volumesDir);
    const names = new Set(await this.#parts.keys.names());
    for (const file of files) {
      const name = /^(.+)\.img(?:\.making|\.deleting)?$/.exec(file)?.[1];
      if (name !== undefined) names.add(name);
    }
    for (const name of names) {
      if (!NameSchema.safeParse(name).success) continue;
      await this.#exclusive(name, async () => {
        await this.#recover(name);
        if (!(await this.#isLive(name))) await this.#release(name);
      }).catch((error: unknown) => {
        this.#parts.log.error(
          { name, cause: describeError(error) },
          'a volume could not be brought into order',
        );
      });
    }
  }

  /** Finishes or removes what a crash in `#make` or `destroy` left. Cheap when there is nothing. */
  async #recover(name: string): Promise<void> {
    const image = this.#image(name);
    if (await isFile(`${image}.deleting`)) {
      await this.#parts.keys.destroy(name);
      await this.deliveries.forget(name);
      await unlink(`${image}.deleting`);
      await syncFolder(this.#parts.volumesDir);
    }
    await recoverGrowth(name, image);
    await this.#parts.keys.recover(name, (await readSuperblock(image))?.uuid);
    await rm(`${image}.making`, { force: true });
  }

  /** Image, key, image's name, key's name: `#recover` knows what to do after each. */
  async #make(name: string, sizeMib: number): Promise<void> {
    const image = this.#image(name);
    const temporary = `${image}.making`;
    const { uuid } = await makeImage(temporary, sizeMib);
    await this.#parts.keys.make(name, uuid);
    await commitImage(temporary, image);
    await this.#parts.keys.commit(name);
    this.#parts.log.info({ name, sizeMib, volume: uuid }, 'volume made');
  }

  async #grow(name: string, sizeMib: number): Promise<void> {
    const { heldElsewhere } = await this.#release(name);
    if (heldElsewhere) throw volumeBusy(name, 'another mount namespace still has it mounted');
    await growImage(name, this.#image(name), sizeMib);
    this.#parts.log.info({ name, sizeMib }, 'volume enlarged');
  }

  /**
   * Takes keys and mount away.
   * @throws BulkheadError STORAGE_VOLUME_BUSY while a container has it, or somebody has files open.
   */
  async #release(name: string): Promise<{ heldElsewhere: boolean }> {
    const image = this.#image(name);
    const mount = this.#mount(name);
    await waitFor(`the container of ${name} to end`, RELEASE_MS, async () => !(await this.#isLive(name)), {
      intervalMs: 100,
    }).catch((error: unknown) => {
      throw hasCode(error, 'KERNEL_WAIT_TIMEOUT') ? volumeBusy(name, 'its container still runs') : error;
    });
    if ((await mountAt(mount)) === undefined) {
      if (await isReleased(image)) return { heldElsewhere: false };
      // Only mounted somewhere else: its keys can only be taken through a mount of our own.
      await mountImage(name, image, mount);
    }
    const keyless = await waitFor(
      `open files of ${name} to be closed`,
      RELEASE_MS,
      async () => forgetKeys(mount),
      { intervalMs: 200 },
    ).catch((error: unknown) => {
      // Goes on to unmount: that takes the keys too, also from a filesystem that can no longer be read.
      this.#parts.log.warn({ name, cause: describeError(error) }, 'keys of a volume could not be taken back');
      return false;
    });
    const { heldElsewhere } = await unmountImage(name, image, mount, RELEASE_MS);
    if (heldElsewhere && !keyless) throw volumeBusy(name, 'another mount namespace has files of it open');
    if (heldElsewhere) {
      this.#parts.log.warn(
        { name },
        'a locked volume is still mounted, without keys, in another mount namespace',
      );
    }
    return { heldElsewhere };
  }

  async #isLive(name: string): Promise<boolean> {
    return isLive(this.#image(name), this.#mount(name));
  }

  async #exclusive<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    checkName(name);
    return this.#queue.run(name, work);
  }

  #assertOpen(): void {
    if (!this.#closed) return;
    throw new BulkheadError({ code: 'STORAGE_CLOSED', message: 'Storage was closed.' });
  }

  #image(name: string): string {
    return join(this.#parts.volumesDir, `${name}.img`);
  }
  #mount(name: string): string {
    return join(this.#parts.mountsDir, name);
  }
}
