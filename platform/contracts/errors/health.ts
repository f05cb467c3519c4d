import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `HEALTH_`. */
export const HEALTH_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({});
