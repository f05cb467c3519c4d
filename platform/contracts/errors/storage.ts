import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `STORAGE_`. */
export const STORAGE_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({});
