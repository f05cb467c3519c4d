import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `FLEET_ASSETS_`: addresses that events speak of. */
export const FLEET_ASSETS_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  FLEET_ASSETS_UNKNOWN: {
    title: 'No event of that sensor speaks of the address.',
    hint: 'Events are kept for the days that the configuration of the fleet says; the sensor itself may still hold older ones.',
    status: 404,
  },
  FLEET_ASSETS_BUSY: {
    title: 'As many searches for addresses as may be are under way for this person.',
    hint: 'Wait until one of them is answered, then ask again.',
    status: 429,
  },
  FLEET_ASSETS_LABELS_FULL: {
    title: 'As many addresses are labelled as can be, by one person or by all.',
    hint: 'Take labels off addresses that do not need one any more.',
    status: 409,
  },
});
