import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `EVENTS_`. */
export const EVENTS_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  EVENTS_FILTER_INVALID: {
    title: 'A question about events names something that cannot be.',
    hint: 'Use the name of an instrument, types such as alert or dns, and a severity of info, low, medium or high.',
  },
});
