import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `EVENTS_`. */
export const EVENTS_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  EVENTS_FILTER_INVALID: {
    title: 'A question about events names something that cannot be.',
    hint: 'Use the name of an instrument, types such as alert or dns, and a severity of info, low, medium or high.',
  },
  EVENTS_CURSOR_INVALID: {
    title: 'The cursor of a search is not one that this search gave out.',
    hint: 'Use `cursor` of the page before with the same filter, or begin again without one.',
  },
  EVENTS_STORE_UNAVAILABLE: {
    title: 'The event store cannot answer now.',
    hint: 'It is opening, being built anew or closed; see `bulkhead status`, and try again.',
  },
});
