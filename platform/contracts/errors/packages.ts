import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `PACKAGES_`. */
export const PACKAGES_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({});
