import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `DATA_`. */
export const DATA_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  DATA_SUBJECT_INVALID: {
    title: 'What was to be found, held or purged is neither an address nor a name.',
    hint: 'Give an IPv4 or IPv6 address, or a name of 1-255 characters without white space.',
  },
});
