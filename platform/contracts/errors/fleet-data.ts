import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `FLEET_DATA_`: which data is kept where. */
export const FLEET_DATA_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  FLEET_DATA_NO_REPORT: {
    title: 'The fleet has no data report of that sensor.',
    hint: 'It is asked for as soon as the sensor is connected; look again in a minute.',
    status: 404,
  },
  FLEET_DATA_REPORT_UNREADABLE: {
    title: 'A file is not the data report of a fleet.',
    hint: 'Give the file as it was downloaded from the page Data; a report of one sensor is checked with `bulkhead data verify`.',
  },
  FLEET_DATA_REPORT_FORGED: {
    title: 'The data report of a fleet is not as it was signed.',
    hint: 'Download it again, and compare its key with the one on the page Data of the fleet.',
  },
});
