import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes of the fleet's events: `FLEET_HUB_` and `FLEET_EVENTS_`; and of the uplink on the sensor. */
export const FLEET_EVENTS_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  FLEET_HUB_CONFIG_REFUSED: {
    title: "nats-server refuses the configuration of the fleet's hub.",
    hint: 'Check that nats-server is version 2.12 or later, and what the configuration says of the hub.',
  },
  FLEET_HUB_START_FAILED: {
    title: "The fleet's hub, its nats-server, does not start.",
    hint: 'Read nats/hub.log below the state folder; check that the disk is not full. Sensors keep their events meanwhile.',
  },
  FLEET_HUB_UPLINKS_INVALID: {
    title: 'The list of the keys with which sensors bring their events is damaged.',
    hint: 'Remove nats/uplinks.json below the state folder: it is made anew as sensors connect.',
  },
  FLEET_HUB_SECRET_UNREADABLE: {
    title: "The secret that the hub's servers share cannot be read.",
    hint: 'Put the same line of 16 to 256 characters into the file on each server, readable by fleetd alone.',
  },
  FLEET_HUB_KEY_REFUSED: {
    title: "A sensor's uplink is refused.",
    hint: 'It is tried again by itself; if it stays so, adopt the sensor again.',
  },
  FLEET_HUB_UNAVAILABLE: {
    title: 'The hub of the fleet cannot take uplinks now.',
    hint: 'Sensors keep their events and try again by themselves; see what the fleet shows under attention.',
  },
  FLEET_EVENTS_FILTER_INVALID: {
    title: 'A question about events names something that cannot be.',
    hint: 'Correct the named part of the search.',
  },
  FLEET_EVENTS_CURSOR_INVALID: {
    title: 'The cursor of a search is not one that this search gave out.',
    hint: 'Use `cursor` of the page before with the same filter, or begin again without one.',
  },
  FLEET_EVENTS_STORE_UNAVAILABLE: {
    title: "The fleet's event store cannot answer now.",
    hint: 'It is opening or closed, or its disk is full; sensors keep their events. Try again in a moment.',
  },
  FLEET_EVENTS_LIVE_BUSY: {
    title: 'As many pages as the fleet keeps informed of events are open.',
    hint: 'Close a page that shows live events, or try again later.',
    status: 429,
  },
  FLEET_EVENTS_NOT_FOUND: {
    title: 'There is no such event, or not for you.',
    hint: 'It may have reached the end of its time in the store; search for it again.',
  },
  FLEET_EVENTS_SUPPRESSION_UNKNOWN: {
    title: 'There is no such suppression, or not for you.',
    hint: 'See those that act with the page of events; what ended is forgotten after 30 days.',
  },
  FLEET_EVENTS_SUPPRESSION_DENIED: {
    title: 'A suppression reaches further than the right to handle events.',
    hint: 'Name only sensors whose events you may handle, or ask somebody whose role is not narrowed.',
    status: 403,
  },
  FLEET_EVENTS_SUPPRESSIONS_FULL: {
    title: 'As many suppressions act as the fleet keeps, of one person or of all.',
    hint: 'Take back some that are no longer needed; what is to be silent for good belongs into the rules.',
    status: 409,
  },
  FLEET_EVENTS_VIEW_UNKNOWN: {
    title: 'There is no such saved view, or not for you.',
    hint: 'See the list of views again: somebody may have removed it.',
  },
  FLEET_EVENTS_VIEW_DENIED: {
    title: 'A saved view may not be shared or removed by this person.',
    hint: 'Keep it for yourself, or ask an operator.',
    status: 403,
  },
  FLEET_EVENTS_VIEWS_FULL: {
    title: 'As many views are saved or shared as the fleet keeps, of one person or of all.',
    hint: 'Remove one that nobody needs.',
    status: 409,
  },
  FLEET_EVENTS_EXPORT_BUSY: {
    title: 'As many exports of events are under way as the fleet allows.',
    hint: 'Wait for one to end, then try again.',
    status: 429,
  },
});
