import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `PACKAGES_`. */
export const PACKAGES_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  PACKAGES_MANIFEST_UNREADABLE: {
    title: 'A package has no instrument.yaml that can be read.',
    hint: 'The folder must contain instrument.yaml as a regular file.',
  },
  PACKAGES_MANIFEST_TOO_LARGE: {
    title: 'An instrument.yaml is larger than any manifest needs to be.',
    hint: 'Keep it below 256 KiB.',
  },
  PACKAGES_MANIFEST_INVALID: {
    title: 'An instrument.yaml does not say what it must, or says more.',
    hint: 'Correct the named place; nothing of the package was installed.',
  },
  PACKAGES_FOLDER_REFUSED: {
    title: 'An app folder holds something that an app may not hold.',
    hint: 'Only plain files and folders with printable names, within the limits that the message names.',
  },
  PACKAGES_FOLDER_CHANGED: {
    title: 'An app folder changed while it was being installed.',
    hint: 'Install it again when nothing writes to it any more.',
  },
  PACKAGES_IMAGE_UNREADABLE: {
    title: 'An image archive cannot be read to its end.',
    hint: 'Delete it and run scripts/build images, or fetch it again.',
  },
  PACKAGES_IMAGE_REFUSED: {
    title: 'An image archive holds an entry that could reach outside of the container.',
    hint: 'Do not import it by hand. Ask where it came from; an image built by images/build has no such entry.',
  },
  PACKAGES_IMAGE_TOO_LARGE: {
    title: 'An image archive unpacks to more bytes or more files than allowed.',
    hint: 'An image of an instrument has some hundred MiB and some ten thousand files.',
  },
});
