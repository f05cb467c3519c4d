import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `FLEET_SENSORS_`. */
export const FLEET_SENSORS_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  FLEET_SENSORS_UNKNOWN: {
    title: 'There is no such sensor in this fleet.',
    hint: 'The list of sensors shows all; what was removed has to be adopted again.',
    status: 404,
  },
  FLEET_SENSORS_GROUP_UNKNOWN: {
    title: 'There is no such group of sensors.',
    hint: 'The list of groups shows all.',
    status: 404,
  },
  FLEET_SENSORS_NAME_TAKEN: {
    title: 'Another sensor or group has this name.',
    hint: 'Choose another one, or rename the other first.',
    status: 409,
  },
  FLEET_SENSORS_GROUP_IN_USE: {
    title: 'The group still has sensors.',
    hint: 'Take them out of it first: what the group gives them would go without anybody having looked.',
    status: 409,
  },
  FLEET_SENSORS_CODE_REFUSED: {
    title: 'An adoption code is unknown, used, withdrawn or has expired.',
    hint: 'Make a new one in the fleet: a code works once, and for an hour unless said otherwise.',
    status: 403,
  },
  FLEET_SENSORS_CODE_UNKNOWN: {
    title: 'There is no such adoption code, or it was used already.',
    hint: 'The list of codes shows those that can still be used.',
    status: 404,
  },
  FLEET_SENSORS_LIMITED: {
    title: 'Too many attempts came from one address.',
    hint: 'Wait for a minute and try again.',
    status: 429,
  },
  FLEET_SENSORS_KEY_TAKEN: {
    title: 'The key of a certificate request belongs to another sensor of this fleet.',
    hint: 'Two machines run from one disk image: delete the link key on the new one, and adopt it again.',
    status: 409,
  },
  FLEET_SENSORS_REVOKED: {
    title: 'The certificate of a sensor was revoked, or the sensor was removed.',
    hint: 'If it should come back, adopt it again, with a code that replaces the former sensor.',
    status: 403,
  },
  FLEET_SENSORS_EXPIRED: {
    title: 'The certificate of a sensor has expired.',
    hint: 'The sensor asks to return by itself; confirm it in the fleet.',
    status: 403,
  },
  FLEET_SENSORS_CLONE: {
    title: 'Somebody used a certificate of a sensor that has a newer one: there may be two of it.',
    hint: 'If the machine was restored from an old copy, revoke the sensor and adopt it again; if not, its key was stolen.',
    status: 403,
  },
  FLEET_SENSORS_CERTIFICATE_FORGOTTEN: {
    title: 'A certificate is of this fleet, but the fleet does not remember it.',
    hint: 'The fleet was restored from an older backup. The sensor asks to return by itself; confirm it in the fleet.',
    status: 403,
  },
  FLEET_SENSORS_RENEWAL_LIMITED: {
    title: 'A sensor asks for new certificates too often.',
    hint: 'It is faulty or hostile: look at its log.',
    status: 429,
  },
  FLEET_SENSORS_NONCE_REFUSED: {
    title: 'The nonce of a request to return is not one of this fleet, was used, or is too old.',
    hint: 'The sensor gets a fresh one for each request.',
    status: 403,
  },
  FLEET_SENSORS_PROOF_REFUSED: {
    title: 'A request to return is not signed by the key of its certificate.',
    hint: 'Whoever sent it does not hold the key of the sensor.',
    status: 403,
  },
  FLEET_SENSORS_RETURN_UNKNOWN: {
    title: 'No such request to return waits for a decision.',
    hint: 'The list of sensors shows who waits.',
    status: 404,
  },
  FLEET_SENSORS_RETURN_CONFLICT: {
    title: 'More than one machine asks to return as this sensor.',
    hint: 'Say which request is meant, after looking at the machines: one of them is a copy.',
    status: 409,
  },
  FLEET_SENSORS_CONFIG_INVALID: {
    title:
      'What a sensor should be, put together of its base, its group and its own overrides, is not a valid configuration.',
    hint: 'Correct the named place; what the sensor had stays in force.',
    status: 400,
  },
  FLEET_SENSORS_OVERLAY_INVALID: {
    title: 'What a group or a sensor lays over a configuration is not valid.',
    hint: 'Give an object of the same shape as a configuration, with only what should differ.',
    status: 400,
  },
  FLEET_SENSORS_CONFIG_CONFLICT: {
    title: 'Somebody else changed the configuration meanwhile.',
    hint: 'Look at the newest revision and make your change again.',
    status: 409,
  },
  FLEET_SENSORS_CONFIG_MISSING: {
    title: 'The fleet does not know yet what this sensor should be.',
    hint: 'Take over what the sensor has, or give it a configuration.',
    status: 409,
  },
  FLEET_SENSORS_REVISION_UNKNOWN: {
    title: 'There is no such revision of this sensor’s configuration.',
    hint: 'The list of revisions shows those that are kept.',
    status: 404,
  },
  FLEET_SENSORS_MAPPING_INVALID: {
    title:
      'The interfaces of replaced hardware are not mapped completely, or not to what the new hardware has.',
    hint: 'Give each interface of the configuration a network interface of the new hardware, each only once.',
    status: 400,
  },
  FLEET_SENSORS_MAPPING_NEEDLESS: {
    title: 'This sensor’s interfaces do not wait to be mapped.',
    hint: 'Change its configuration instead.',
    status: 409,
  },
  FLEET_SENSORS_OFFLINE: {
    title: 'The sensor is not there.',
    hint: 'This needs an answer of the sensor itself: wait until it is back.',
    status: 503,
  },
});
