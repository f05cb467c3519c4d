import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `FLEET_IMPORTS_`: what people bring from elsewhere. */
export const FLEET_IMPORTS_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  FLEET_IMPORTS_BUSY: {
    title: 'Too many files are being taken in at once, by one person or by all.',
    hint: 'Try again when the others are done; each takes a few seconds.',
    status: 503,
  },
  FLEET_IMPORTS_ANSWER: {
    title: 'A rule manager did not answer as one does.',
    hint: 'Look at the health and the log of the instrument, and whether its version fits the one of the fleet.',
    status: 502,
  },
});
