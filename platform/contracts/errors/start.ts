import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `START_`. */
export const START_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({});
