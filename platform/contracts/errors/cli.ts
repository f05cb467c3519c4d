import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `CLI_`. */
export const CLI_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({});
