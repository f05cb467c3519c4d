import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `SENSORD_`. */
export const SENSORD_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  SENSORD_ALREADY_RUNNING: {
    title: 'Another sensord already manages this sensor.',
    hint: 'Stop it first, or use `bulkhead` to talk to it.',
  },
  SENSORD_CHANGE_UNKNOWN: {
    title: 'The sensor does not know of this change of its configuration.',
    hint: '`bulkhead config history` shows what became of it.',
  },
  SENSORD_CONFIG_CONFLICT: {
    title: 'The configuration was changed by somebody else meanwhile.',
    hint: 'Compare with `bulkhead config diff`, and apply your change on top of the newer revision.',
  },
  SENSORD_CONFIG_INVALID: {
    title: 'The configuration does not fit the schema.',
    hint: 'Correct the place that the JSON pointer names. The configuration in force stays as it is.',
  },
  SENSORD_CONFIG_ROLLED_BACK: {
    title: 'A new configuration did not work, and the one before is in force again.',
    hint: '`bulkhead logs INSTRUMENT` shows what an instrument said; correct the document and apply it again.',
  },
  SENSORD_CONFIG_UNUSABLE: {
    title: 'The configuration fits the schema, but this sensor cannot be like that.',
    hint: 'Correct the packages, interfaces or devices that are named. Nothing was changed.',
  },
  SENSORD_CONFIG_UNREADABLE: {
    title: 'The configuration file cannot be read.',
    hint: 'Check the path and that root may read it.',
  },
  SENSORD_DELIVERY_DIGEST: {
    title: 'A downloaded file is not the one that was approved.',
    hint: 'If the source has a new version on purpose, approve the download again with its digest.',
  },
  SENSORD_DELIVERY_NOT_GRANTED: {
    title: 'An instrument may not hand a file to that instrument.',
    hint: '`bulkhead grants show` lists what was asked for and given.',
  },
  SENSORD_DEV_REFUSED: {
    title: 'An unverified instrument cannot be run beside the configuration.',
    hint: 'Choose another name with --name, or correct what is said.',
  },
  SENSORD_DNS_AMBIGUOUS: {
    title: 'Several instruments of this sensor answer DNS lookups.',
    hint: 'Say which one with --instrument.',
  },
  SENSORD_DNS_REFUSED: {
    title: 'The passive DNS instrument refused a lookup.',
    hint: 'The message is its own; `bulkhead instrument list` shows its health.',
  },
  SENSORD_DNS_UNKNOWN: {
    title: 'No instrument of this sensor answers DNS lookups.',
    hint: 'Add the passive-dns package to the configuration.',
  },
  SENSORD_DOWNLOAD_LIMIT: {
    title: 'An instrument asked for more downloads than it may have waiting.',
    hint: 'Approve or refuse what waits: `bulkhead downloads list`.',
  },
  SENSORD_DOWNLOAD_NOBODY: {
    title: 'No instrument of this sensor fetches downloads.',
    hint: 'Add an instrument with the package downloader to the configuration, and grant it `fetch`.',
  },
  SENSORD_DOWNLOAD_REFUSED: {
    title: 'The downloader did not do what was asked.',
    hint: 'The message is its own; `bulkhead instrument list` shows its health.',
  },
  SENSORD_DOWNLOAD_UNKNOWN: {
    title: 'No instrument asked for, or has, this download.',
    hint: '`bulkhead downloads list` shows those that are there.',
  },
  SENSORD_INSTRUMENT_UNKNOWN: {
    title: 'There is no instrument of that name.',
    hint: '`bulkhead instrument list` shows their names.',
  },
  SENSORD_INTERFACE_KIND: {
    title: 'An interface of an instrument is wired to something of another kind.',
    hint: 'Mirror ports stand under /interfaces, active interfaces under /active of the instrument.',
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
  SENSORD_REVISION_UNKNOWN: {
    title: 'There is no such revision of the configuration.',
    hint: '`bulkhead config history` lists those that are kept.',
  },
  SENSORD_RIGHT_INVALID: {
    title: 'The text does not name a right.',
    hint: '`bulkhead grants show` prints the rights of an instrument as they are named.',
  },
  SENSORD_RIGHT_NOT_ASKED: {
    title: 'A right is given that the package of the instrument does not ask for.',
    hint: '`bulkhead grants show INSTRUMENT` lists what it asks for.',
  },
  SENSORD_USAGE: {
    title: 'The command line of sensord is not understood.',
    hint: 'See sensord --help.',
  },
});
