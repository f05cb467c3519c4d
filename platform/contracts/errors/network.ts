import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `NETWORK_`. */
export const NETWORK_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({});
