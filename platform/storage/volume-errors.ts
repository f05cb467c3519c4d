import { NameSchema } from '../contracts/index.ts';
import { BulkheadError } from '../kernel/index.ts';

/** @throws BulkheadError STORAGE_NAME_INVALID: names become file names, so they are narrow. */
export function checkName(name: string): void {
  if (NameSchema.safeParse(name).success) return;
  throw new BulkheadError({
    code: 'STORAGE_NAME_INVALID',
    message: `${JSON.stringify(name.slice(0, 80))} cannot be the name of a volume.`,
    hint: 'Use 1-30 characters of a-z, 0-9 and -, starting with a letter.',
  });
}

/** @throws BulkheadError STORAGE_SIZE_INVALID. */
export function checkSize(name: string, sizeMib: number): void {
  if (Number.isInteger(sizeMib) && sizeMib >= 32 && sizeMib <= 16_777_216) return;
  throw new BulkheadError({
    code: 'STORAGE_SIZE_INVALID',
    message: `A volume of ${String(sizeMib)} MiB for ${name} is not possible.`,
    hint: 'Use a whole number of MiB from 32 to 16777216.',
    fields: { name, sizeMib },
  });
}

export function volumeBusy(name: string, why: string): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_VOLUME_BUSY',
    message: `The volume of ${name} is in use: ${why}.`,
    hint: 'Stop the instrument first.',
    fields: { name },
  });
}

export function volumeAbsent(name: string, image: string, hasKey: boolean): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_VOLUME_ABSENT',
    message: hasKey
      ? `The volume of ${name} has a key, but its image ${image} is gone.`
      : `The instrument ${name} has no volume (${image}).`,
    hint: hasKey
      ? 'Mount the disk that it lies on or restore it; or destroy the volume to start with an empty one.'
      : 'Make it first; the sensor does so when the instrument is in its configuration.',
    fields: { name, image },
  });
}

export function shrinkRefused(name: string, sizeMib: number, presentMib: number): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_SHRINK_REFUSED',
    message: `The volume of ${name} has ${String(presentMib)} MiB and cannot shrink to ${String(sizeMib)} MiB.`,
    hint: `Set at least ${String(presentMib)} MiB, or destroy the volume and make a new one.`,
    fields: { name, sizeMib, presentMib },
  });
}

/** @param uuid of the filesystem that is there, undefined when there is none. */
export function wrongImage(name: string, image: string, uuid: string | undefined): BulkheadError {
  if (uuid === undefined) {
    return new BulkheadError({
      code: 'STORAGE_VOLUME_DAMAGED',
      message: `The volume of ${name} is damaged: ${image} has no filesystem at its beginning.`,
      hint: 'Repair a copy of the image by hand (`e2fsck -b 32768`), or destroy the volume.',
      fields: { name, image },
    });
  }
  return new BulkheadError({
    code: 'STORAGE_VOLUME_FOREIGN',
    message: `${image} is the volume ${uuid}, and the key of ${name} belongs to another.`,
    hint: 'Put the right image back, or destroy the volume.',
    fields: { name, image },
  });
}
