import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `SENSORD_`. */
export const SENSORD_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({});
