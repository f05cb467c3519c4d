import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError } from '../kernel/index.ts';
import { MIB } from './volume-image.ts';

/** Kept free on the host when a volume is made, so that the sensor itself can still write. */
const HOST_RESERVE_MIB = 64;

/** A finding that stops nothing, for `doctor` and the status. */
export interface StorageWarning {
  code: 'STORAGE_OVERCOMMIT';
  severity: 'warning';
  title: string;
  text: string;
  hint: string;
}

/**
 * Before a volume is made or enlarged.
 * @param addedMib what is about to be promised on top of the existing images.
 * @throws BulkheadError STORAGE_HOST_FULL when there is not even room to begin.
 */
export async function checkHostSpace(
  name: string,
  volumesDir: string,
  addedMib: number,
): Promise<StorageWarning[]> {
  const freeMib = await hostFreeMib(volumesDir);
  if (addedMib > 0 && freeMib < HOST_RESERVE_MIB) {
    throw new BulkheadError({
      code: 'STORAGE_HOST_FULL',
      message: `The disk below ${volumesDir} has ${String(freeMib)} MiB left; no volume for ${name} was made or enlarged.`,
      hint: `Free at least ${String(HOST_RESERVE_MIB)} MiB there, or destroy a volume that is no longer needed.`,
      fields: { name, freeMib },
    });
  }
  return overcommitment(volumesDir, addedMib);
}

/** Images are sparse: together they may promise more than the disk has. */
export async function overcommitment(volumesDir: string, addedMib: number): Promise<StorageWarning[]> {
  const freeMib = await hostFreeMib(volumesDir);
  let promisedMib = addedMib;
  for (const file of await readdir(volumesDir)) {
    if (!file.endsWith('.img')) continue;
    const facts = await stat(join(volumesDir, file));
    promisedMib += Math.max(0, facts.size - facts.blocks * 512) / MIB;
  }
  if (promisedMib <= freeMib) return [];
  return [
    {
      code: 'STORAGE_OVERCOMMIT',
      severity: 'warning',
      title: 'Volumes may outgrow the disk',
      text: `Volumes may still grow by ${String(Math.ceil(promisedMib))} MiB, and the disk below ${volumesDir} has ${String(freeMib)} MiB left.`,
      hint: 'Add space to that disk, or make volumes smaller.',
    },
  ];
}

async function hostFreeMib(volumesDir: string): Promise<number> {
  const host = await statfs(volumesDir);
  return Math.floor((host.bavail * host.bsize) / MIB);
}
