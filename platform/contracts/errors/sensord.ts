import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `SENSORD_`. */
export const SENSORD_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  SENSORD_ALREADY_RUNNING: {
    title: 'Another sensord already manages this sensor.',
    hint: 'Stop it first, or use `bulkhead` to talk to it.',
  },
  SENSORD_CONFIG_INVALID: {
    title: 'The configuration does not fit the schema.',
    hint: 'Correct the place that the JSON pointer names. The configuration in force stays as it is.',
  },
  SENSORD_CONFIG_UNREADABLE: {
    title: 'The configuration file cannot be read.',
    hint: 'Check the path and that root may read it.',
  },
  SENSORD_INSTRUMENT_UNKNOWN: {
    title: 'There is no instrument of that name.',
    hint: '`bulkhead instrument list` shows their names.',
  },
  SENSORD_INTERFACE_UNKNOWN: {
    title: 'An instrument is wired to an interface that its package does not have.',
    hint: 'Use an interface name from its manifest.',
  },
  SENSORD_INTERNAL: {
    title: 'The sensor could not answer a request.',
    hint: 'Its log says why; please report it.',
  },
  SENSORD_PACKAGE_MISSING: {
    title: 'A package or its image is not on this sensor.',
    hint: 'Run scripts/setup (or scripts/build for the apps alone).',
  },
  SENSORD_REQUEST_INVALID: {
    title: 'A request to the local API is not understood.',
    hint: 'Correct the place that the JSON pointer names.',
  },
  SENSORD_USAGE: {
    title: 'The command line of sensord is not understood.',
    hint: 'See sensord --help.',
  },
});
