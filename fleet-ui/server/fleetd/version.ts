/** Version of the fleet; the same as in package.json (a test compares them). */
export const FLEETD_VERSION = '0.1.0';
