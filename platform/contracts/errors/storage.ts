import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `STORAGE_`. */
export const STORAGE_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  STORAGE_CLOSED: {
    title: 'Storage was used after it was closed.',
    hint: 'Open it again; keys are no longer in memory.',
  },
  STORAGE_DELIVERY_FOREIGN: {
    title: 'A delivered file can be removed only by the instrument that delivered it, or by the operator.',
    hint: 'Name only files that were delivered by the same instrument.',
  },
  STORAGE_DELIVERY_INTERRUPTED: {
    title: 'A file was not delivered, because its sender or the sensor is stopping.',
    hint: 'Deliver it again after the restart.',
  },
  STORAGE_DELIVERY_INVALID: {
    title: 'A delivery does not name its file, its size or its place in the way that is agreed.',
    hint: 'Name the file in the outbox by its SHA-256, and say its exact size.',
  },
  STORAGE_DELIVERY_LIMIT: {
    title: 'The receiver of a file has as much as may be delivered to it.',
    hint: 'At most 64 files of at most 256 MiB, 1 GiB together. Remove files that are no longer needed.',
  },
  STORAGE_DELIVERY_MISMATCH: {
    title:
      'A delivered file is not what its sender or the operator said: another digest or size, or it changed.',
    hint: 'Write the file whole, close it, and never change it under the name of its digest; then deliver it again.',
  },
  STORAGE_DELIVERY_NAME_TAKEN: {
    title: 'The receiver has a file of this name from somebody else.',
    hint: 'Choose another name, or have that file removed first. Files of the operator are never replaced.',
  },
  STORAGE_DELIVERY_UNKNOWN: {
    title: 'No such file was delivered to this instrument.',
    hint: '`bulkhead resources list INSTRUMENT` shows what is there.',
  },
  STORAGE_ENCRYPTION_FAILED: {
    title: 'The kernel did not do what was asked for an encrypted folder.',
    hint: 'Check with `bulkhead doctor` that the kernel supports file encryption and that xfsprogs is installed.',
  },
  STORAGE_FILE_REFUSED: {
    title:
      "A file of an instrument was not read because it is not a plain, bounded file below the instrument's folder.",
    hint: 'The instrument must write regular files with one link, a plain name and a bounded size.',
  },
  STORAGE_HOST_FULL: {
    title: "The disk below the sensor's state folder has no room for another volume.",
    hint: 'Free space on that disk, or destroy a volume that is no longer needed.',
  },
  STORAGE_KEY_DAMAGED: {
    title: 'A stored key file is damaged or was changed.',
    hint: "Restore the file from a backup of the sensor's keys; the volume cannot be read without it.",
  },
  STORAGE_KEY_MISSING: {
    title: 'A key that existing data was encrypted with is not there.',
    hint: 'Use another way to the sensor key (passphrase, recovery code), or restore the key file from a backup. What it encrypted cannot be read without it; destroy it to start empty.',
  },
  STORAGE_KEY_UNSAFE: {
    title: 'The sensor key file is not usable: others can read it, or it is too short or not random.',
    hint: 'Make it a regular file of 32 random bytes that belongs to root with mode 0600.',
  },
  STORAGE_KEY_WRONG: {
    title: 'The sensor key is not the one that the stored keys were sealed with.',
    hint: 'Give the sensor the key file that it was started with first.',
  },
  STORAGE_LOCKED: {
    title: 'The sensor is locked: nothing stored can be read until its key is there.',
    hint: 'Unlock it with `bulkhead keys unlock`, or bring the key file or medium that it waits for.',
  },
  STORAGE_MEDIUM_ABSENT: {
    title: 'The medium with the key file is not there.',
    hint: 'Plug it in; the sensor unlocks by itself. Or unlock it with a passphrase or recovery code.',
  },
  STORAGE_MEDIUM_INVALID: {
    title: 'The key file on a medium is not named in a way that is understood.',
    hint: 'Write UUID=<filesystem>:/path or LABEL=<filesystem>:/path.',
  },
  STORAGE_NAME_INVALID: {
    title: 'The name cannot be the name of a volume or file.',
    hint: 'Use 1-30 characters of a-z, 0-9 and -, starting with a letter.',
  },
  STORAGE_OVERCOMMIT: {
    title: 'Volumes may grow to more than the disk below them has left.',
    hint: 'Add space to the disk of the state folder, or make volumes smaller.',
  },
  STORAGE_OWNER_INVALID: {
    title: 'The host ids of an instrument are not those of an unprivileged container.',
    hint: 'This is a fault of the sensor; the volume was not opened.',
  },
  STORAGE_PASSPHRASE_WEAK: {
    title: 'The passphrase is too short or too plain.',
    hint: 'Take five or more random words, at least 12 characters.',
  },
  STORAGE_PASSPHRASE_WRONG: {
    title: 'The passphrase or recovery code opens none of the slots.',
    hint: 'Mind the keyboard layout; `bulkhead keys status` lists the slots.',
  },
  STORAGE_RESOURCE_REFUSED: {
    title: "A file that the operator gave an instrument cannot be copied into the instrument's resources.",
    hint: "Name a regular file of at most 64 MiB outside the sensor's own folders.",
  },
  STORAGE_SHRINK_REFUSED: {
    title: 'A volume cannot be made smaller.',
    hint: 'Keep its size, or destroy the volume and make a new one.',
  },
  STORAGE_SIZE_INVALID: {
    title: 'The size is not possible for a volume.',
    hint: 'Use a whole number of MiB, at least 32.',
  },
  STORAGE_SLOTS_DAMAGED: {
    title: 'The file with the ways to the sensor key is damaged, or was changed by somebody else.',
    hint: 'Restore keys/slots.json from a backup. What was stored needs it.',
  },
  STORAGE_SLOTS_FULL: {
    title: 'There are as many ways to the sensor key as there may be.',
    hint: 'Remove one that is no longer needed.',
  },
  STORAGE_SLOT_LAST: {
    title: 'The only way to the sensor key cannot be removed.',
    hint: 'Add another one first.',
  },
  STORAGE_SLOT_UNKNOWN: {
    title: 'There is no slot of that number.',
    hint: '`bulkhead keys status` lists the slots.',
  },
  STORAGE_VOLUME_ABSENT: {
    title: 'The instrument has no volume.',
    hint: 'Make it first; the sensor does so when the instrument is in its configuration.',
  },
  STORAGE_VOLUME_BUSY: {
    title: 'The volume is still in use.',
    hint: 'Stop the instrument, and close whatever else has files of the volume open.',
  },
  STORAGE_VOLUME_DAMAGED: {
    title: 'The volume is damaged and could not be repaired by itself.',
    hint: 'Repair a copy of the image by hand with e2fsck, or destroy the volume and start with an empty one.',
  },
  STORAGE_VOLUME_FOREIGN: {
    title: 'The image is not the one that the key belongs to.',
    hint: 'Put the right image back, or destroy the volume.',
  },
});
