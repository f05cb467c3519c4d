import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `DATA_`. */
export const DATA_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  DATA_SUBJECT_INVALID: {
    title: 'What was to be found, held or purged is neither an address nor a name.',
    hint: 'Give an IPv4 or IPv6 address, or a name of 1-255 characters without white space.',
  },
  DATA_SOURCE_SLOW: {
    title: 'A part of the sensor did not say in time what data it keeps.',
    hint: 'It is busy or stuck: look at its log, and ask again.',
  },
  DATA_REPLY_INVALID: {
    title:
      'An instrument answered a question about its data with something that the protocol does not allow.',
    hint: 'What it keeps is not known. The instrument is faulty or hostile: look at its log, or stop it.',
  },
  DATA_REFUSED: {
    title: 'An instrument refused or failed to find, hold or delete data.',
    hint: 'The message is its own; look at its log.',
  },
  DATA_INSTRUMENT_ABSENT: {
    title: 'An instrument does not run, so what it keeps can be neither searched nor deleted.',
    hint: 'Enable it, or remove its volume as a whole. A purge waits and goes on when it runs.',
  },
  DATA_HELD: {
    title: 'The data that was to be deleted is held.',
    hint: 'Release it first: `bulkhead data hold ADDRESS --release --reason TEXT`.',
  },
  DATA_HOLD_UNKNOWN: {
    title: 'The address or name that was to be released is not held.',
    hint: '`bulkhead data holds` lists what is.',
  },
  DATA_TOO_MANY_HOLDS: {
    title: 'As many addresses and names are held as the sensor takes.',
    hint: 'Release some: `bulkhead data holds` lists them.',
  },
  DATA_TOO_MANY_PURGES: {
    title: 'As many deletions wait as the sensor takes.',
    hint: '`bulkhead data purges` says for what they wait.',
  },
  DATA_REQUEST_REUSED: {
    title: 'The request id of a deletion was used before, for another address or name.',
    hint: 'Give each purge a request id of its own, or none.',
  },
  DATA_STATE_DAMAGED: {
    title: 'The file of holds or of unfinished deletions is damaged.',
    hint: 'Restore it from a backup. Nothing is purged meanwhile; delete the file only if nothing is held.',
  },
  DATA_REPORT_UNREADABLE: {
    title: 'The file is not a signed data report.',
    hint: 'Give the file that `bulkhead data report --json --output FILE` wrote.',
  },
  DATA_REPORT_FORGED: {
    title: 'A data report was changed after it was signed, or signed by somebody else.',
    hint: 'Ask for a new one, and compare its key with what `bulkhead data key` shows on the sensor.',
  },
});
