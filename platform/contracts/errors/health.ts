import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `HEALTH_`. */
export const HEALTH_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  HEALTH_NONCE_INVALID: {
    title: 'A detection check was to be made with a nonce of the wrong form.',
    hint: 'This is a fault of the sensor; a nonce is 32 hex digits, made for each check.',
  },
  HEALTH_METRICS_GROUP_UNKNOWN: {
    title: 'The group that may read the metrics does not exist.',
    hint: 'Make it (`addgroup --system NAME`) or change /metrics/socketGroup in the configuration.',
  },
  HEALTH_METRICS_TOKEN_REFUSED: {
    title: 'The token file of the metrics port cannot be used; nothing listens there.',
    hint: 'Write a random line of 32 characters into it and let only root read it (chmod 0600).',
  },
  HEALTH_CHECK_TIMEOUT: {
    title: 'A check of `bulkhead doctor` did not answer in time.',
    hint: 'What it asks may hang: look at the load of the machine and at the part that the check names.',
  },
});
