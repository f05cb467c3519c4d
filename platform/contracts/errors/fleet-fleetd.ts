import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `FLEET_FLEETD_`. */
export const FLEET_FLEETD_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  FLEET_FLEETD_USAGE: {
    title: 'fleetd was called in a way that it does not know.',
    hint: 'See fleetd --help.',
  },
  FLEET_FLEETD_CONFIG_UNREADABLE: {
    title: "fleetd's configuration cannot be read.",
    hint: 'Look at the path, at who may read the file, and whether it is YAML.',
  },
  FLEET_FLEETD_CONFIG_INVALID: {
    title: "fleetd's configuration is not valid.",
    hint: 'Correct the named place; fleet-ui/README.md lists all settings.',
  },
  FLEET_FLEETD_ROOT_REFUSED: {
    title: 'fleetd was started as root.',
    hint: 'It needs no right of root: run it as a user of its own, or say --allow-root.',
  },
  FLEET_FLEETD_STATE_EXPOSED: {
    title: 'Others than fleetd could write to or read its state folder.',
    hint: 'Make it its own: chown to its user, chmod 0700.',
  },
  FLEET_FLEETD_BACKUP_EXISTS: {
    title: 'A backup was to be written over a file that is there.',
    hint: 'Name a new file.',
  },
  FLEET_FLEETD_BACKUP_FAILED: {
    title: 'A backup of the fleet could not be made.',
    hint: 'Look at the message: mostly the place is full or cannot be written to.',
  },
  FLEET_FLEETD_BACKUP_UNREADABLE: {
    title: 'A file is no whole backup of a fleet.',
    hint: 'Take another backup; nothing was changed.',
  },
  FLEET_FLEETD_RESTORE_REFUSED: {
    title: 'A backup was to be restored over a fleet that is there.',
    hint: 'Move what is in the state folder to another place, then restore.',
  },
  FLEET_FLEETD_RESTORE_FAILED: {
    title: 'A backup could not be restored.',
    hint: 'Look at the message: mostly the place is full. Empty the state folder and try again.',
  },
  FLEET_FLEETD_CONFIG_UNKNOWN: {
    title: 'A sensor did not say which configuration it has.',
    hint: 'Look at its log; it is asked again when it attaches.',
    status: 503,
  },
});
