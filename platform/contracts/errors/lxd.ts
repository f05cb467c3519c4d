import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `LXD_`. */
export const LXD_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({});
