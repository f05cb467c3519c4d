import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `FLEET_STORE_`. */
export const FLEET_STORE_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  FLEET_STORE_IN_USE: {
    title: 'Another fleetd has the database open.',
    hint: 'Only one may run on a state folder; end the other, or give this one a folder of its own.',
    status: 500,
  },
  FLEET_STORE_DAMAGED: {
    title: 'The database of the fleet is damaged.',
    hint: 'Do not write to it any more: restore a backup with `fleetd restore` into an empty state folder.',
    status: 500,
  },
  FLEET_STORE_UNREADABLE: {
    title: 'The database of the fleet cannot be opened.',
    hint: 'Look at owner and mode of the state folder and at the free space.',
    status: 500,
  },
  FLEET_STORE_NEWER: {
    title: 'The database was written by a newer fleetd.',
    hint: 'Run that version, or restore a backup made before the update.',
    status: 500,
  },
  FLEET_STORE_MIGRATION_INVALID: {
    title: 'The steps that bring the database up to date are not in order.',
    hint: 'This is a fault of the program: steps are numbered from 1 and never change once they were released.',
    status: 500,
  },
});
