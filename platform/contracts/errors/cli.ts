import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `CLI_`. */
export const CLI_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  CLI_ANSWER_INVALID: {
    title: 'The sensor answered something that the command does not understand.',
    hint: 'Use the `bulkhead` command of the same version as the sensor.',
  },
  CLI_DEV_BUILD: {
    title: 'The sources of an instrument could not be made into an app.',
    hint: 'Read what the bundler says; name the folder that holds instrument.yaml.',
  },
  CLI_FILE_UNREADABLE: {
    title: 'A file that the command was given cannot be read.',
    hint: 'Name a file that is there and that you may read; - stands for standard input.',
  },
  CLI_FLEET_ANSWER_INVALID: {
    title: 'What answered is not a fleet, or of another version.',
    hint: 'Look at the address; use the `bulkhead` command of the same version as the fleet.',
  },
  CLI_FLEET_GROUP_UNKNOWN: {
    title: 'The fleet has no such group.',
    hint: 'See `bulkhead fleet groups list`.',
  },
  CLI_FLEET_LOGIN_NEEDED: {
    title: 'Nobody is logged in to a fleet here.',
    hint: 'Make an API token in the fleet, then: bulkhead fleet login https://FLEET:8443',
  },
  CLI_FLEET_LOGIN_REFUSED: {
    title: 'The fleet does not know the token.',
    hint: 'Make another in the fleet; they expire and can be revoked.',
  },
  CLI_FLEET_LOGIN_UNSAFE: {
    title: 'Others can read the file that holds the token.',
    hint: 'Revoke the token in the fleet, make another, and log in again.',
  },
  CLI_FLEET_SENSOR_UNKNOWN: {
    title: 'The fleet has no such sensor, or one may not see it.',
    hint: 'See `bulkhead fleet sensors`.',
  },
  CLI_FLEET_UNREACHABLE: {
    title: 'No fleet answers at the address.',
    hint: 'See that fleetd runs, and that this machine may reach it.',
  },
  CLI_FLEET_UNTRUSTED: {
    title: 'Who answers does not prove to be a fleet that is trusted.',
    hint: "Log in with --fingerprint, or with --ca and the certificate of the fleet's authority.",
  },
  CLI_INTERNAL: {
    title: 'The command itself failed.',
    hint: 'Read its message; please report it.',
  },
  CLI_OUTPUT_FAILED: {
    title: 'A file that was asked for could not be written.',
    hint: 'See that the folder exists and has room. Nothing was left under that name.',
  },
  CLI_SECRET_DIFFERS: {
    title: 'The two passphrases differ.',
    hint: 'Try again.',
  },
  CLI_SECRET_MISSING: {
    title: 'No passphrase was given.',
    hint: 'Type it, or give it on standard input.',
  },
  CLI_SENSOR_UNREACHABLE: {
    title: 'No sensor answers on the socket.',
    hint: 'Start one with scripts/start, run the command as root, or name the socket with --socket.',
  },
  CLI_SUPPORT_NOT_WRITTEN: {
    title: 'A support bundle could not be written.',
    hint: 'Name another file with --output; one that exists is not overwritten.',
  },
  CLI_USAGE: {
    title: 'The arguments of the command do not fit together.',
    hint: 'See the help of the command.',
  },
});
