import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `EVENTS_`. */
export const EVENTS_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({});
