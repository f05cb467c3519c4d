import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `RUNTIME_`. */
export const RUNTIME_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({});
