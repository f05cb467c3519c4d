import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `FLEET_CA_`. */
export const FLEET_CA_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  FLEET_CA_DAMAGED: {
    title:
      "The fleet's own CA is incomplete: key and certificate are not both there, or do not belong together.",
    hint: 'Restore the folder `ca/` from a backup. With a new CA every sensor would have to be adopted again.',
    status: 500,
  },
  FLEET_CA_GIVEN_UNUSABLE: {
    title: 'The certificate files that the fleet was given for its web listener cannot be used.',
    hint: 'Both must be PEM, readable by fleetd, and belong together. What was in use before stays in use.',
    status: 500,
  },
  FLEET_CA_REQUEST_INVALID: {
    title: 'A certificate request is not one that the fleet signs.',
    hint: 'PKCS #10 with an ECDSA key on P-256, signed by that key.',
    status: 400,
  },
  FLEET_CA_CERTIFICATE_REFUSED: {
    title: 'A certificate was not issued to a sensor by this fleet.',
    hint: 'The machine belongs to another fleet, or to none: adopt it here.',
    status: 403,
  },
});
