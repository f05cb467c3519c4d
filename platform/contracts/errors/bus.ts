import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `BUS_`. */
export const BUS_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({});
