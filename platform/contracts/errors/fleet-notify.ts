import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes of the fleet's notifications. */
export const FLEET_NOTIFY_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  FLEET_NOTIFY_ADDRESS_REFUSED: {
    title: 'Notifications do not go to link-local addresses.',
    hint: 'Name the host by an address of your network, or by a name that has one.',
    status: 400,
  },
  FLEET_NOTIFY_CHANNEL_UNKNOWN: {
    title: 'There is no such channel.',
    hint: 'It may have been removed a moment ago; load the list again.',
    status: 404,
  },
  FLEET_NOTIFY_CHANNELS_FULL: {
    title: 'There are as many channels as a fleet keeps.',
    hint: 'Remove one that nobody needs, or let one channel tell several people.',
    status: 409,
  },
  FLEET_NOTIFY_FAILED: {
    title: 'A notification could not be handed over.',
    hint: 'The message says what the other side answered. It is tried again by itself.',
    status: 502,
  },
  FLEET_NOTIFY_SECRET_NEEDED: {
    title: 'The password must be typed in again.',
    hint: 'A password that is kept goes only to the server, and only in the way, that it was given for.',
    status: 400,
  },
  FLEET_NOTIFY_SECRETS_LOST: {
    title: 'The password, secret or address of a channel cannot be read any more.',
    hint: 'The key that they were sealed with (notify/seal.key below the state folder) is another one. Type them in again.',
    status: 409,
  },
  FLEET_NOTIFY_SEAL_DAMAGED: {
    title: 'The key that passwords of channels are sealed with is damaged.',
    hint: 'Bring notify/seal.key back from a backup; or remove it: a new one is made, and passwords must be typed in again.',
  },
  FLEET_NOTIFY_TARGET_INVALID: {
    title: 'The destination of a channel is not valid.',
    hint: 'The message says what is wrong with it.',
    status: 400,
  },
  FLEET_NOTIFY_TESTS_LIMITED: {
    title: 'Channels are being tested too often.',
    hint: 'Wait as long as it says.',
    status: 429,
  },
});
